"""How a resource is read: where its rows come from, what each field is in SQL, what its ETag is made of.

PostgreSQL renders the JSON, so a row crosses the wire once, as text, and Python never takes it apart.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from sluice.errors import NotFound

PrecedingStatement: TypeAlias = tuple[str, Mapping[str, object]]
Row: TypeAlias = Mapping[
    str, Any
]  # a record that Python is to look into: field → value, as in its JSON


class Executor(Protocol):
    """What a repository is given: somewhere to run one statement. A database, or one transaction of it.

    `read` may be repeated after a lost connection; `write` never is. A `guard` is a statement that gives no rows and
    goes ahead in the same flush and transaction: where it fails, the other is not run. With `prepare` the server may
    keep the statement's plan: for one whose best plan is the same whatever its parameters.
    """

    def read(
        self, sql: str, params: Mapping[str, object] | None = None, *, prepare: bool = False
    ) -> Sequence[Any]: ...

    def write(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        preceding: PrecedingStatement | None = None,
        prepare: bool = False,
    ) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Representation:
    """One resource as it goes to a client: its JSON text, the strong ETag of that, and its id."""

    json: str
    etag: str
    id: int


class Column(NamedTuple):
    """A field: its SQL, and what JSON that gives. `rows`: of a list of objects, their fields."""

    sql: str
    type: Literal["integer", "text", "decimal", "timestamp", "date", "json"]
    nullable: bool = False
    item_fields: Mapping[str, "Column"] = {}


@dataclass(frozen=True, eq=False)
class Projection:
    """A resource: `source` (table, alias, JOINs), `key` (the id column), `fields` and `etag` (SQL over the source).

    `name` is the collection's, `noun` that of one of it.
    """

    name: str
    singular: str
    source: str
    key: str
    fields: Mapping[str, Column]
    etag: str

    def columns(self, only: Collection[str] | None = None) -> str:
        """The SELECT list: every field, or those in `only`, in the declared order."""
        chosen = (
            (name, column.sql)
            for name, column in self.fields.items()
            if only is None or name in only
        )
        return ", ".join(f'{sql} AS "{name}"' for name, sql in chosen)

    @lru_cache(maxsize=256)  # noqa: B019  views are module constants: none is ever freed
    def record(self, only: frozenset[str] | None = None) -> str:
        """The SELECT list of a `Record`."""
        return (
            f"(SELECT row_to_json(o)::text FROM (SELECT {self.columns(only)}) o) AS json, "
            f"({self.etag}) AS etag, {self.key} AS id"
        )


def integer(sql: str) -> Column:
    return Column(sql, "integer")


def text(sql: str, *, nullable: bool = False) -> Column:
    return Column(sql, "text", nullable)


def decimal(sql: str) -> Column:
    """A numeric with two decimals, as a string: JSON's numbers are floats to most who read them."""
    return Column(f"{sql}::text", "decimal")


def timestamp(sql: str, *, nullable: bool = False) -> Column:
    """A timestamptz as RFC 3339 in UTC with microseconds and `Z`."""
    return Column(
        f"""to_char({sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
        "timestamp",
        nullable,
    )


def get_many(
    statements: Executor, projection: Projection, ids: Sequence[int], fields: Collection[str]
) -> dict[int, Row]:
    """The rows that there are with these ids, in one statement: id → these fields, and the id."""
    return {
        row["id"]: row
        for row in select(
            statements, projection, f"{projection.key} = ANY(CAST(:ids AS bigint[]))", ids, fields
        )
    }


def select(
    statements: Executor,
    projection: Projection,
    condition: str,
    ids: Sequence[object],
    fields: Collection[str],
) -> list[Row]:
    """The rows for which `condition` on `:ids` holds, by id, in one statement."""
    rows = statements.read(
        f"""
        SELECT coalesce(string_agg(row_to_json(o)::text, ',' ORDER BY o.id), '') AS items
        FROM (SELECT {projection.columns({"id", *fields})} FROM {projection.source} WHERE {condition}) o""",
        {"ids": list(ids)},
        prepare=True,
    )
    return list(json.loads(f"[{rows[0].items}]"))


def find(
    statements: Executor, projection: Projection, id: int, fields: frozenset[str] | None = None
) -> Representation:
    """The record with this id, in one statement; NotFound where there is none."""
    rows = statements.read(
        f"SELECT {projection.record(fields)} FROM {projection.source} WHERE {projection.key} = CAST(:id AS bigint)",
        {"id": id},
        prepare=True,
    )
    if not rows:
        raise NotFound
    return Representation(*rows[0])
