"""The derived mutations: what they give to the repository, and what they read afterwards."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sluice.errors import NotFound, ValidationFailed
from sluice.graph.field_info import LEAF
from sluice.graph.loaders import Loaders
from sluice.graph.mutations import create_row, delete_row, update_row
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import NO_ID, ResolverContext
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Resource
from sluice.sql.key import Key

LOANS = Resource(
    name="loans",
    singular="loan",
    table="public.loans",
    group="loans",
    key=BigInt("id", read_only=True),
    fields=[
        Ref("book_id", resource="books", shown_as="book", by="slug", kind=Slug),
        Ref("reader_id", resource="readers", create_only=True),
        Timestamp("due_at", nullable=True),
        Text("note", max_length=9, nullable=True),
        Integer("version", read_only=True),
    ],
    etag="version",
)


class Loans:
    """Keeps what it is called with. Only the loan 7 exists."""

    resource = LOANS

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def create(self, values: dict[str, Any]) -> Any:
        self.calls.append(("create", values))
        return SimpleNamespace(id="7")

    def update(self, key: Key, changes: dict[str, Any]) -> None:
        self._require(key)
        self.calls.append(("update", key, changes))

    def update_version(self, key: Key, changes: dict[str, Any], version: int) -> None:
        self.calls.append(("update_version", key, changes, version))

    def delete(self, key: Key) -> None:
        self._require(key)
        self.calls.append(("delete", key))

    def get_many(self, keys: Sequence[Key], columns: Collection[str]) -> dict[Key, Any]:
        return {key: {"id": key[0]} for key in keys if key == (7,)}

    def _require(self, key: Key) -> None:
        if key != (7,):
            raise NotFound


@pytest.fixture(name="loans")
def rows() -> Loans:
    return Loans()


def run(resolver: Any, loans: Loans, **arguments: Any) -> Any:
    context = SimpleNamespace(
        repositories=SimpleNamespace(named=lambda name: {"loans": loans}[name]), loaders=Loaders()
    )
    context.load = lambda *of: ResolverContext.load(cast("ResolverContext", context), *of)
    info = SimpleNamespace(returned=LEAF, is_wrapper=False)
    field = cast("PlannedField", SimpleNamespace(arguments=arguments, fields=(), info=info))
    found = resolver(context, field, [None])
    if isinstance(found, list):
        return found
    values: list[Any] = []
    found.then(values.extend)
    context.loaders.dispatch()
    return values


def test_create_row(loans: Loans) -> None:
    due = datetime(2026, 1, 31, tzinfo=UTC)

    created = run(create_row("loans"), loans, input={"bookId": "3", "readerId": "x", "dueAt": due})

    assert created == [{"id": 7}]
    assert loans.calls == [("create", {"book_id": 3, "reader_id": NO_ID, "due_at": due})]


def test_row_is_validated_like_a_rest_body(loans: Loans) -> None:
    with pytest.raises(ValidationFailed) as raised:
        run(create_row("loans"), loans, input={"bookId": "3", "note": "x" * 10})

    errors = {(error.pointer, error.code) for error in raised.value.errors}
    assert errors == {("/reader_id", "required"), ("/note", "too_long")}
    assert loans.calls == []


def test_update_row(loans: Loans) -> None:
    update = update_row("loans")

    assert run(update, loans, id="7", input={"note": None}) == [{"id": 7}]
    assert run(update, loans, id="8", input={"note": None}) == [None]
    run(update, loans, id="7", input={"bookId": "4"}, ifVersion=2)
    assert loans.calls == [
        ("update", (7,), {"note": None}),
        ("update_version", (7,), {"book_id": 4}, 2),
    ]


def test_delete_row(loans: Loans) -> None:
    assert run(delete_row("loans"), loans, id="7") == [True]
    assert run(delete_row("loans"), loans, id="x") == [False]
    assert loans.calls == [("delete", (7,))]
