"""Cursors: what went in comes out, under the same key and scope alone, and nothing else opens."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import InvalidCursor
from sluice.repositories.page_cursor import CursorSigner, Position

SIGNER = CursorSigner(b"a key of sixteen")
SCOPE = '["products", [["price", true]], {}]'

exactly = settings(derandomize=True, database=None, deadline=None, max_examples=100)
positions = st.builds(
    Position,
    st.lists(st.none() | st.text(max_size=20), max_size=4).map(tuple),
    backward=st.booleans(),
    inclusive=st.booleans(),
)


@exactly
@given(position=positions, scope=st.text(max_size=50))
def test_what_went_in_comes_out(position: Position, scope: str) -> None:
    assert SIGNER.open(SIGNER.sign(position, scope), scope) == position


@exactly
@given(position=positions)
def test_a_cursor_needs_no_escaping_in_a_url(position: Position) -> None:
    assert set(SIGNER.sign(position, SCOPE)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


@exactly
@given(position=positions, scope=st.text(max_size=50).filter(lambda text: text != SCOPE))
def test_another_scope_does_not_open_it(position: Position, scope: str) -> None:
    with pytest.raises(InvalidCursor):
        SIGNER.open(SIGNER.sign(position, SCOPE), scope)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(InvalidCursor):
        CursorSigner(b"another key of 18.").open(SIGNER.sign(Position(("1",)), SCOPE), SCOPE)


@exactly
@given(position=positions, data=st.data())
def test_no_changed_bit_goes_unseen(position: Position, data: st.DataObject) -> None:
    raw = bytearray(urlsafe_b64decode(SIGNER.sign(position, SCOPE) + "==="))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidCursor):
        SIGNER.open(urlsafe_b64encode(raw).rstrip(b"=").decode(), SCOPE)


@exactly
@given(junk=st.text(st.characters(exclude_categories=()), max_size=40))
def test_junk_does_not_open(junk: str) -> None:
    with pytest.raises(InvalidCursor):
        SIGNER.open(junk, SCOPE)


@pytest.mark.parametrize("change", ["{}=", "{}==", " {}", "{}\n", "{}!", "{}{}", "{}A"])
def test_another_writing_of_a_cursor_is_not_that_cursor(change: str) -> None:
    cursor = SIGNER.sign(Position(("9.99", "12")), SCOPE)
    with pytest.raises(InvalidCursor):
        SIGNER.open(change.format(cursor, cursor), SCOPE)


def test_a_scope_cannot_reach_into_the_payload() -> None:
    cursor = SIGNER.sign(Position(("1",)), "list\0")
    with pytest.raises(InvalidCursor):
        SIGNER.open(cursor, "list")
