"""Writes of one row under a precondition: lock, compare, change and answer, in one statement.

The row is locked before its ETag is compared, so of two writers with the same `If-Match` one wins. The statement gives
no row where the target does not exist, and one of NULLs where its ETag did not match: NotFound and StaleVersion are
told apart without a second round trip.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.errors import NotFound, StaleVersion
from sluice.repositories import idempotency
from sluice.repositories.idempotency import IdempotencyKey
from sluice.repositories.projection import Executor, Projection, Representation


@dataclass(frozen=True, slots=True)
class Precondition:
    """What a write requires of its row's ETag: to be one of `if_match`, and none of `if_none_match`. None requires nothing."""

    if_match: Collection[str] | None = None
    if_none_match: Collection[str] | None = None

    def values(self) -> dict[str, object]:
        """The values of a statement that has `matches`."""
        return {
            "if_match": None if self.if_match is None else list(self.if_match),
            "if_none_match": None if self.if_none_match is None else list(self.if_none_match),
        }


NO_PRECONDITION = Precondition()


def matches(projection: Projection) -> str:
    """A SELECT item: does the row satisfy the precondition?"""
    return (
        f"((CAST(:if_match AS text[]) IS NULL OR ({projection.etag}) = ANY(CAST(:if_match AS text[]))) AND "
        f"(CAST(:if_none_match AS text[]) IS NULL OR ({projection.etag}) <> ALL(CAST(:if_none_match AS text[])))) AS matches"
    )


def create(
    statements: Executor,
    projection: Projection,
    inserts: str,
    source: str,
    values: Mapping[str, object],
    key: IdempotencyKey | None,
) -> Representation:
    """The record of the row that `inserts` (CTEs) make, seen over `source`, which joins them to what else it shows."""
    statement = idempotency.keep(inserts, f"SELECT {projection.record()} FROM {source}", key)
    rows = statements.write(
        statement, idempotency.bound(values, key), preceding=idempotency.claim(key), prepare=True
    )
    return Representation(*rows[0])


def update(
    statements: Executor,
    projection: Projection,
    assignments: Mapping[str, str],
    id: int,
    changes: Mapping[str, object],
    precondition: Precondition,
) -> Representation:
    """Change what `changes` names, each by its assignment. NotFound, StaleVersion, and what constraints refuse."""
    table, alias, *joins = projection.source.split(" ")
    assigned = ", ".join(assignments[name] for name in changes) or f"version = {alias}.version"
    rows = statements.write(
        f"""{_target(projection)}, changed AS (
            UPDATE {table} {alias} SET {assigned} FROM target t
            WHERE {projection.key} = t.id AND t.matches RETURNING {alias}.*
        )
        SELECT r.json, r.etag, r.id
        FROM target LEFT JOIN (SELECT {projection.record()} FROM changed {alias} {" ".join(joins)}) r ON true""",
        {**changes, "id": id, **precondition.values()},
        prepare=True,
    )
    if _found(rows).json is None:
        raise StaleVersion
    return Representation(*rows[0])


def delete(
    statements: Executor, projection: Projection, id: int, precondition: Precondition
) -> None:
    """NotFound; StaleVersion; StillReferenced where other rows need this one."""
    table, alias = projection.source.split(" ")[:2]
    rows = statements.write(
        f"""{_target(projection)}, gone AS (
            DELETE FROM {table} {alias} USING target t WHERE {projection.key} = t.id AND t.matches RETURNING {projection.key} AS id
        )
        SELECT gone.id FROM target LEFT JOIN gone ON true""",
        {"id": id, **precondition.values()},
        prepare=True,
    )
    if _found(rows).id is None:
        raise StaleVersion


def _target(projection: Projection) -> str:
    # FOR UPDATE, though a weaker lock would let orders that refer to it go on: with FOR NO KEY UPDATE, two updates of
    # a row that orders hold by a foreign key wait for each other's place in its queue (PostgreSQL 18, measured).
    alias = projection.source.split(" ")[1]
    return f"""
        WITH target AS (
            SELECT {projection.key} AS id, {matches(projection)}
            FROM {projection.source} WHERE {projection.key} = CAST(:id AS bigint) FOR UPDATE OF {alias}
        )"""


def _found(rows: Sequence[Any]) -> Any:
    if not rows:
        raise NotFound
    return rows[0]
