"""How a resource is read: where its rows come from, what each field is in SQL, what its ETag is made of.

PostgreSQL renders the JSON, so a row crosses the wire once, as text, and Python never takes it apart.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

from sluice.errors import NotFound

Guard: TypeAlias = tuple[str, Mapping[str, object]]


class Statements(Protocol):
    """What a repository is given: somewhere to run one statement. A database, or one transaction of it.

    `read` may be repeated after a lost connection; `write` never is. A `guard` is a statement that gives no rows and
    goes ahead in the same flush and transaction: where it fails, the other is not run.
    """

    def read(self, sql: str, params: Mapping[str, object] | None = None) -> Sequence[Any]: ...

    def write(
        self, sql: str, params: Mapping[str, object] | None = None, *, guard: Guard | None = None
    ) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Record:
    """One resource as it goes to a client: its JSON text, the strong ETag of that, and its id."""

    json: str
    etag: str
    id: int


@dataclass(frozen=True, eq=False)
class View:
    """A resource: `source` (table, alias, JOINs), `key` (the id column), `fields` and `etag` (SQL over the source)."""

    name: str
    source: str
    key: str
    fields: Mapping[str, str]
    etag: str

    def columns(self, only: Collection[str] | None = None) -> str:
        """The SELECT list: every field, or those in `only`, in the declared order."""
        return ", ".join(f'{sql} AS "{name}"' for name, sql in self.fields.items() if only is None or name in only)

    @lru_cache(maxsize=256)  # noqa: B019  views are module constants: none is ever freed
    def record(self, only: frozenset[str] | None = None) -> str:
        """The SELECT list of a `Record`."""
        return (
            f"(SELECT row_to_json(o)::text FROM (SELECT {self.columns(only)}) o) AS json, "
            f"({self.etag}) AS etag, {self.key} AS id"
        )


def utc(column: str) -> str:
    """A timestamptz as RFC 3339 in UTC with microseconds and `Z`."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def find(statements: Statements, view: View, id: int, fields: frozenset[str] | None = None) -> Record:
    """The record with this id, in one statement; NotFound where there is none."""
    rows = statements.read(
        f"SELECT {view.record(fields)} FROM {view.source} WHERE {view.key} = CAST(:id AS bigint)", {"id": id}
    )
    if not rows:
        raise NotFound
    return Record(*rows[0])
