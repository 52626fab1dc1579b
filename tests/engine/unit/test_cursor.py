"""Signed cursors: they open only with the same key and context, unchanged."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import InvalidCursor
from sluice.sql.page_cursor import CursorSigner, Position

SIGNER = CursorSigner(b"a key of sixteen")
SCOPE = '["products", [["price", true]], {}]'

each_example = settings(derandomize=True, database=None, deadline=None, max_examples=100)
positions = st.builds(
    Position,
    st.lists(st.none() | st.text(max_size=20), max_size=4).map(tuple),
    backward=st.booleans(),
    inclusive=st.booleans(),
)


@each_example
@given(position=positions, scope=st.text(max_size=50))
def test_signed_cursor_round_trips(position: Position, scope: str) -> None:
    assert SIGNER.verify(SIGNER.sign(position, scope), scope) == position


@each_example
@given(position=positions)
def test_cursor_is_url_safe(position: Position) -> None:
    assert set(SIGNER.sign(position, SCOPE)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


@each_example
@given(position=positions, scope=st.text(max_size=50).filter(lambda text: text != SCOPE))
def test_cursor_of_other_context_is_rejected(position: Position, scope: str) -> None:
    with pytest.raises(InvalidCursor):
        SIGNER.verify(SIGNER.sign(position, SCOPE), scope)


def test_cursor_of_other_key_is_rejected() -> None:
    with pytest.raises(InvalidCursor):
        CursorSigner(b"another key of 18.").verify(SIGNER.sign(Position(("1",)), SCOPE), SCOPE)


@each_example
@given(position=positions, data=st.data())
def test_any_flipped_bit_is_detected(position: Position, data: st.DataObject) -> None:
    raw = bytearray(urlsafe_b64decode(SIGNER.sign(position, SCOPE) + "==="))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidCursor):
        SIGNER.verify(urlsafe_b64encode(raw).rstrip(b"=").decode(), SCOPE)


@each_example
@given(junk=st.text(st.characters(exclude_categories=()), max_size=40))
def test_random_text_is_rejected(junk: str) -> None:
    with pytest.raises(InvalidCursor):
        SIGNER.verify(junk, SCOPE)


@pytest.mark.parametrize("change", ["{}=", "{}==", " {}", "{}\n", "{}!", "{}{}", "{}A"])
def test_other_encoding_of_a_cursor_is_rejected(change: str) -> None:
    cursor = SIGNER.sign(Position(("9.99", "12")), SCOPE)
    with pytest.raises(InvalidCursor):
        SIGNER.verify(change.format(cursor, cursor), SCOPE)


def test_context_cannot_extend_into_the_payload() -> None:
    cursor = SIGNER.sign(Position(("1",)), "list\0")
    with pytest.raises(InvalidCursor):
        SIGNER.verify(cursor, "list")
