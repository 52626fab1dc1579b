"""Projections: the SQL that reads each field of a resource, and the SQL of its ETag.

PostgreSQL renders the JSON, so a row is sent as one text. For REST, Python does not parse that
text; for GraphQL, `ReadRepository.get_many` does.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeAlias

from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.sql.identifiers import quoted
from sluice.sql.key import PARAMETERS

# A row for Python to read: field → value, as in its JSON.
Row: TypeAlias = Mapping[str, Any]


class Representation(NamedTuple):
    """One row as a client gets it: its JSON text, its strong ETag, and its key as a text.

    `id` is the text of a single key, or a JSON list. See `key.of_representation`.
    """

    json: str
    etag: str
    id: str

    @classmethod
    def of(cls, row: Any) -> "Representation":
        """Return the representation in a row with the columns of `Projection.representation`."""
        return cls(row.json, row.etag, str(row.id))


class Column(NamedTuple):
    """A field of a row: the SQL of its JSON value, and its kind."""

    sql: str
    field: Field


@dataclass(frozen=True, eq=False)
class Join:
    """A join with another table. `on` has its columns, each with the SQL of the equal value."""

    table: str
    alias: str
    on: Mapping[str, str]

    @cached_property
    def condition(self) -> str:
        """The condition of the join."""
        return " AND ".join(f"{self.alias}.{name} = {value}" for name, value in self.on.items())

    def sql(self, table: str = "") -> str:
        """Return the JOIN clause, with `table` instead of this table if it is given."""
        return f"JOIN {aliased(table or self.table, self.alias)} ON {self.condition}"


class JoinedColumn(NamedTuple):
    """A column of a joined table, with its name as in SQL."""

    join: Join
    name: str

    @property
    def sql(self) -> str:
        """The column where the table is joined."""
        return f"{self.join.alias}.{self.name}"

    @property
    def subselect(self) -> str:
        """The column where the table is not joined."""
        table = aliased(self.join.table, self.join.alias)
        return f"(SELECT {self.sql} FROM {table} WHERE {self.join.condition})"


@dataclass(frozen=True, eq=False)
class Projection:
    """The fields of a resource, as SQL over a table and its joins.

    `name` is the name of the collection, `singular` that of one row. `table` is written as in SQL:
    with its schema, and in quotes if it needs them. `alias` is any name but `t`, which the
    statements of a write use. `keys` are the fields of the key. `etag` is the SQL of the ETag.
    `kept_condition` is a condition for the rows that there are for any tenant; empty for all.
    `tenant` returns the condition for the rows of an alias that are the request's tenant's. It is
    called when a statement is first made.
    `row_columns` are the columns that the fields and the ETag read; empty for all columns.
    `is_lockable` is whether the role may lock rows.
    """

    name: str
    singular: str
    table: str
    alias: str
    keys: tuple[Field, ...]
    fields: Mapping[str, Column]
    etag: str
    joins: tuple[Join, ...] = ()
    kept_condition: str = ""
    tenant: Callable[[str], str] | None = None
    row_columns: tuple[str, ...] = ()
    is_lockable: bool = False

    @cached_property
    def tenant_condition(self) -> str:
        """The condition for the rows of the request's tenant; empty without tenants."""
        return self.tenant(self.alias) if self.tenant else ""

    @cached_property
    def row_condition(self) -> str:
        """The condition for the rows that there are for clients; empty for all."""
        return " AND ".join(filter(None, [self.kept_condition, self.tenant_condition]))

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The SQL of each column of the key."""
        return tuple(f"{self.alias}.{quoted(key.column)}" for key in self.keys)

    @property
    def has_whole_number(self) -> bool:
        """Whether the key is one whole number."""
        return len(self.keys) == 1 and isinstance(self.keys[0], BigInt)

    @cached_property
    def id_sql(self) -> str:
        """The SQL of the id of a Representation. A whole number is sent as it is."""
        if self.has_whole_number:
            return self.key_columns[0]
        pairs = zip(self.keys, self.key_columns, strict=True)
        values = [key.select(column) for key, column in pairs]
        text = values[0] if len(values) == 1 else f"json_build_array({', '.join(values)})"
        return f"CAST({text} AS text)"

    @cached_property
    def key_condition(self) -> str:
        """The condition for the row with the key in the parameters `:id`, `:id1`, …"""
        return self.key_condition_for(PARAMETERS)

    def key_condition_for(self, parameters: Sequence[str]) -> str:
        """Return the condition for the row with the key in these parameters, or its first ones."""
        keys = zip(self.keys, self.key_columns, parameters, strict=False)
        equal = [f"{column} = {key.bind(parameter)}" for key, column, parameter in keys]
        return " AND ".join(filter(None, [*equal, self.row_condition]))

    def columns_of_rows(self, alias: str) -> str:
        """Return the SELECT list of the columns that a subquery passes on.

        It is not `*`, because a role may lack the privilege for other columns.
        """
        names = self.row_columns or ("*",)
        return ", ".join(f"{alias}.{name}" for name in names)

    @cached_property
    def source(self) -> str:
        """The FROM clause: the table and its joins."""
        return self.source_with({})

    def source_with(self, instead: Mapping[str, str]) -> str:
        """Return the FROM clause with CTEs instead of some tables: alias → name of the CTE."""
        joins = [join.sql(instead.get(join.alias, "")) for join in self.joins]
        return " ".join([aliased(instead.get(self.alias, self.table), self.alias), *joins])

    def columns(self, only: Collection[str] | None = None, more: tuple[str, ...] = ()) -> str:
        """Return the SELECT list of all fields, or of those in `only`, in the declared order.

        `more` are further items of the list.
        """
        chosen = (
            (name, column.sql)
            for name, column in self.fields.items()
            if only is None or name in only
        )
        return ", ".join([*(f'{sql} AS "{name}"' for name, sql in chosen), *more])

    @lru_cache(maxsize=256)  # noqa: B019  projections are module constants: none is ever freed
    def representation(self, only: frozenset[str] | None = None, more: tuple[str, ...] = ()) -> str:
        """Return the SELECT list of a `Representation`: json, etag, id."""
        return (
            f"(SELECT row_to_json(o.*)::text FROM (SELECT {self.columns(only, more)}) o) AS json, "
            f"({self.etag}) AS etag, {self.id_sql} AS id"
        )


def aliased(table: str, alias: str) -> str:
    return table if table == alias else f"{table} {alias}"


def integer(sql: str, *, nullable: bool = False) -> Column:
    """Return the column of a whole number, of a projection that is written by hand."""
    return Column(sql, BigInt("", nullable=nullable))


def text(sql: str, *, nullable: bool = False) -> Column:
    """Return the column of a text."""
    return Column(sql, Text("", nullable=nullable, example="…"))


def decimal(sql: str, *, nullable: bool = False) -> Column:
    """Return the column of an amount with two decimals."""
    field = Numeric("", precision=18, scale=2, minimum=0, nullable=nullable)
    return Column(field.select(sql), field)


def timestamp(sql: str, *, nullable: bool = False) -> Column:
    """Return the column of a time."""
    field = Timestamp("", nullable=nullable)
    return Column(field.select(sql), field)
