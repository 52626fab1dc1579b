"""Writes of one row under a precondition: lock, compare, change and read, in one statement.

The row is locked before its ETag is compared, so of two writers with the same `If-Match` one wins.
The statement returns no row if the target does not exist, and a row of NULLs if its ETag did not
match. So one round trip distinguishes NotFound from StaleVersion.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.errors import NotFound, StaleVersion
from sluice.query import Executor, Query
from sluice.sql import idempotency
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.projection import Projection, Representation


@dataclass(frozen=True, slots=True)
class Precondition:
    """A condition on the ETag of the row that is written.

    The ETag must be one of `if_match` and none of `if_none_match`. None means no condition.
    """

    if_match: Collection[str] | None = None
    if_none_match: Collection[str] | None = None

    def params(self) -> dict[str, object]:
        """Return the parameters of a statement that has `match_condition`."""
        return {
            "if_match": None if self.if_match is None else list(self.if_match),
            "if_none_match": None if self.if_none_match is None else list(self.if_none_match),
        }


NO_PRECONDITION = Precondition()


def match_condition(projection: Projection) -> str:
    """Return the SELECT item `matches`: whether the row satisfies the precondition."""
    etag = projection.etag
    return (
        f"((CAST(:if_match AS text[]) IS NULL OR ({etag}) = ANY(CAST(:if_match AS text[]))) AND "
        f"(CAST(:if_none_match AS text[]) IS NULL"
        f" OR ({etag}) <> ALL(CAST(:if_none_match AS text[])))) AS matches"
    )


def create(
    executor: Executor,
    projection: Projection,
    inserts: str,
    source: str,
    values: Mapping[str, object],
    key: IdempotencyKey | None,
) -> Representation:
    """Insert a row and return it.

    `inserts` are the CTEs that insert it. `source` joins them to the other tables of the
    projection. With a key, the statement also stores the response.
    """
    select = f"SELECT {projection.representation()} FROM {source}"
    rows = executor.write(
        Query(
            idempotency.with_stored_response(inserts, select, key),
            idempotency.params_with_key(values, key),
            before=idempotency.claim_statement(key),
            prepare=True,
        )
    )
    return Representation(*rows[0])


def update(
    executor: Executor,
    projection: Projection,
    assignments: Mapping[str, str],
    id: int,
    changes: Mapping[str, object],
    precondition: Precondition,
) -> Representation:
    """Change the fields in `changes`, and return the row.

    `assignments` has the SQL that sets each field.
    Raises NotFound, StaleVersion, and the errors of the table's constraints.
    """
    alias = projection.alias
    assigned = ", ".join(assignments[name] for name in changes) or f"version = {alias}.version"
    changed = projection.source({alias: "changed"})
    rows = executor.write(
        Query(
            f"""
        WITH {_target(projection)}, changed AS (
            UPDATE {projection.table} {alias} SET {assigned} FROM target t
            WHERE {projection.key_sql} = t.id AND t.matches
            RETURNING {alias}.*
        )
        SELECT r.json, r.etag, r.id
        FROM target
        LEFT JOIN (SELECT {projection.representation()} FROM {changed}) r ON true""",
            {**changes, "id": id, **precondition.params()},
            prepare=True,
        )
    )
    if _first(rows).json is None:
        raise StaleVersion
    return Representation(*rows[0])


def delete(executor: Executor, projection: Projection, id: int, precondition: Precondition) -> None:
    """Delete a row.

    Raises NotFound, StaleVersion, and StillReferenced if other rows refer to it.
    """
    rows = executor.write(
        Query(
            f"""
        WITH {_target(projection)}, deleted AS (
            DELETE FROM {projection.table} {projection.alias} USING target t
            WHERE {projection.key_sql} = t.id AND t.matches
            RETURNING {projection.key_sql} AS id
        )
        SELECT deleted.id FROM target LEFT JOIN deleted ON true""",
            {"id": id, **precondition.params()},
            prepare=True,
        )
    )
    if _first(rows).id is None:
        raise StaleVersion


def _target(projection: Projection) -> str:
    """Return the CTE that locks the row.

    FOR NO KEY UPDATE would not block orders that refer to the row. But while such orders lock the
    row, two updates of it wait for each other in its lock queue (measured with PostgreSQL 18).
    """
    return f"""target AS (
            SELECT {projection.key_sql} AS id, {match_condition(projection)}
            FROM {projection.source()}
            WHERE {projection.key_sql} = CAST(:id AS bigint)
            FOR UPDATE OF {projection.alias}
        )"""


def _first(rows: Sequence[Any]) -> Any:
    if not rows:
        raise NotFound
    return rows[0]
