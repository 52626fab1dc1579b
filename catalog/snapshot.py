"""Snapshot: what the catalogue of a database says, as plain data, which JSON can keep.

It has no oids and its lists are sorted, so the same schema gives the same text on each server.
catalog/read.py reads one.
"""

import functools
import json
import types
import typing
from collections.abc import Collection
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TypeReference:
    """The type of a column, an argument, a result or a bound.

    schema, name: of the type in pg_type; of an array, those of its items' type.
    modifier: its length or precision as PostgreSQL keeps it, or -1.
    sql: the type as a person writes it, such as `numeric(14,2)`.
    """

    schema: str
    name: str
    sql: str
    modifier: int = -1
    is_array: bool = False

    @property
    def qualified(self) -> str:
        """The name with its schema, the key of `Snapshot.types`."""
        return f"{self.schema}.{self.name}"

    @property
    def is_builtin(self) -> bool:
        """Whether PostgreSQL itself has the type."""
        return self.schema == "pg_catalog"


@dataclass(frozen=True, kw_only=True)
class DomainCheck:
    """A CHECK of a domain. In `expression` the value is VALUE."""

    name: str
    expression: str


@dataclass(frozen=True, kw_only=True)
class TypeDefinition:
    """A type that is not PostgreSQL's own.

    kind: pg_type.typtype: b base, c composite, d domain, e enum, m multirange, r range.
    labels: of an enum, in their order.
    base: of a domain.
    subtype: of a range.
    extension: the extension that it belongs to, such as citext.
    """

    schema: str
    name: str
    kind: str
    labels: tuple[str, ...] = ()
    base: TypeReference | None = None
    not_null: bool = False
    default: str | None = None
    checks: tuple[DomainCheck, ...] = ()
    subtype: TypeReference | None = None
    extension: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column of a table or view.

    default: the expression of the default, or of a generated column.
    identity: "" none, a always, d by default.
    generated: "" no, s stored, v virtual.
    collation: with its schema, if it is not the default.
    is_deterministic: whether texts are equal only if their bytes are.
    sequence: the sequence that belongs to the column, with its schema.
    """

    name: str
    type: TypeReference
    not_null: bool = False
    default: str | None = None
    identity: str = ""
    generated: str = ""
    collation: str = ""
    is_deterministic: bool = True
    sequence: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class TableConstraint:
    """A constraint of a table.

    kind: pg_constraint.contype: p primary key, u unique, c check, x exclusion, f foreign key.
    expression: the condition of a CHECK.
    references, referenced: the table of a foreign key with its schema, and the columns there.
    nulls_not_distinct: whether a unique constraint allows NULL only once.
    has_period: whether it is WITHOUT OVERLAPS, or a foreign key with PERIOD.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    expression: str = ""
    references: str = ""
    referenced: tuple[str, ...] = ()
    is_deferrable: bool = False
    is_validated: bool = True
    is_enforced: bool = True
    nulls_not_distinct: bool = False
    has_period: bool = False
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class IndexKey:
    """A column of an index, or an expression.

    column: the name, empty for an expression.
    sql: the column, in quotes if it needs them, or the expression.
    options: pg_index.indoption: 1 descending, 2 NULLs first.
    operator_class: empty for the default one of the type.
    has_own_collation: whether its collation is that of the column.
    has_prefixes: whether `LIKE 'x%'` can use it: *_pattern_ops, or the collation C.
    """

    column: str
    sql: str
    options: int = 0
    operator_class: str = ""
    has_own_collation: bool = True
    has_prefixes: bool = False


@dataclass(frozen=True, kw_only=True)
class TableIndex:
    """An index. `includes` has the columns of INCLUDE, `predicate` the WHERE of a partial one."""

    name: str
    method: str
    keys: tuple[IndexKey, ...]
    includes: tuple[str, ...] = ()
    predicate: str = ""
    is_unique: bool = False
    is_valid: bool = True
    nulls_not_distinct: bool = False


@dataclass(frozen=True, kw_only=True)
class TableTrigger:
    """A trigger that a person made. `columns` are those of UPDATE OF."""

    name: str
    timing: str
    events: tuple[str, ...]
    function: str
    columns: tuple[str, ...] = ()
    is_row: bool = True
    is_enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class TableSnapshot:
    """A table or view. Partitions are not there, only their parent.

    kind: pg_class.relkind: r table, p parent of partitions, v view, m materialized view, f foreign
        table.
    inherits: the parents of INHERITS.
    has_row_security, is_row_security_forced: for others than the owner, and for the owner, too.
    policies: the names of those of row-level security.
    is_security_invoker: whether a view has the rights of its reader, and so the reader's policies.
    estimated_rows: what the planner believes; -1 if it does not know.
    """

    schema: str
    name: str
    kind: str
    columns: tuple[TableColumn, ...] = ()
    constraints: tuple[TableConstraint, ...] = ()
    indexes: tuple[TableIndex, ...] = ()
    triggers: tuple[TableTrigger, ...] = ()
    inherits: tuple[str, ...] = ()
    has_row_security: bool = False
    is_row_security_forced: bool = False
    policies: tuple[str, ...] = ()
    is_security_invoker: bool = False
    is_unlogged: bool = False
    estimated_rows: int = -1
    comment: str = ""

    @property
    def qualified(self) -> str:
        """The name with its schema."""
        return f"{self.schema}.{self.name}"

    @cached_property
    def by_name(self) -> dict[str, TableColumn]:
        """The columns by name."""
        return {column.name: column for column in self.columns}

    @property
    def is_view(self) -> bool:
        """Whether rows cannot be written: a view or a materialized view."""
        return self.kind in ("v", "m")

    @property
    def unique_columns(self) -> list[tuple[str, ...]]:
        """The columns of each unique index without a condition. That of an expression is empty."""
        return [
            tuple(key.column for key in index.keys)
            for index in self.indexes
            if index.is_unique and index.is_valid and not index.predicate
        ]


@dataclass(frozen=True, kw_only=True)
class FunctionArgument:
    """An argument. mode: pg_proc.proargmodes: i in, o out, b inout, v variadic, t table."""

    name: str
    type: TypeReference
    mode: str = "i"
    has_default: bool = False


@dataclass(frozen=True, kw_only=True)
class DatabaseFunction:
    """A function that no extension owns.

    kind: pg_proc.prokind: f function, p procedure, a aggregate, w window function.
    volatility: i immutable, s stable, v volatile.
    """

    schema: str
    name: str
    kind: str
    arguments: tuple[FunctionArgument, ...]
    returns: TypeReference | None
    returns_set: bool = False
    volatility: str = "v"
    is_strict: bool = False
    is_security_definer: bool = False
    comment: str = ""

    @property
    def qualified(self) -> str:
        """The name with its schema."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A database. `search_path` is that of the role that has read it, without a SET."""

    database: str = ""
    version: int = 0
    search_path: str = ""
    extensions: dict[str, str] = field(default_factory=dict)
    types: tuple[TypeDefinition, ...] = ()
    tables: tuple[TableSnapshot, ...] = ()
    functions: tuple[DatabaseFunction, ...] = ()

    @cached_property
    def types_by_name(self) -> dict[str, TypeDefinition]:
        """The types by `TypeReference.qualified`."""
        return {f"{each.schema}.{each.name}": each for each in self.types}

    @property
    def schemas(self) -> list[str]:
        """The schemas that have a table."""
        return sorted({table.schema for table in self.tables})

    @cached_property
    def tables_by_name(self) -> dict[str, TableSnapshot]:
        """The tables by their names with the schema."""
        return {table.qualified: table for table in self.tables}

    def only(self, tables: Collection[str]) -> "Snapshot":
        """Return what a draft of these tables needs, without what changes from server to server."""
        chosen = tuple(
            replace(table, estimated_rows=-1) for table in self.tables if table.qualified in tables
        )
        schemas = {table.schema for table in chosen}
        functions = tuple(each for each in self.functions if each.schema in schemas)
        return replace(self, database="", version=0, tables=chosen, functions=functions)


def to_json(snapshot: Snapshot) -> str:
    """Return the text of a snapshot. Values that are the default are left out."""
    return json.dumps(_plain(snapshot), indent=1, ensure_ascii=False, sort_keys=False) + "\n"


def from_json(text: str) -> Snapshot:
    """Return the snapshot of a text. Raise ValueError or TypeError if it is none."""
    return from_plain(json.loads(text))


def from_plain(value: object) -> Snapshot:
    """Return the snapshot of what JSON has. Raise TypeError if it is none."""
    snapshot = _value(Snapshot, value)
    assert isinstance(snapshot, Snapshot)  # noqa: S101 - what _value returns for it
    return snapshot


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        found = {each.name: getattr(value, each.name) for each in fields(value)}
        defaults = {each.name: each.default for each in fields(value)}
        return {name: _plain(v) for name, v in found.items() if v != defaults[name]}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


@functools.cache
def _hints(wanted: Any) -> dict[str, Any]:
    return typing.get_type_hints(wanted)


def _value(wanted: Any, value: Any) -> Any:
    """Return a value of JSON as the type that a dataclass declares."""
    if value is None:
        return None
    item, make = _shape(wanted)
    if item is not None:
        return tuple([_value(item, each) for each in value])
    if make is None:
        return value
    hints = _hints(make)
    return make(**{name: _value(hints[name], each) for name, each in value.items()})


@functools.cache
def _shape(wanted: Any) -> tuple[Any, Any]:
    """Return the type of the items of a tuple, or the dataclass; neither for a plain value."""
    if isinstance(wanted, types.UnionType):
        wanted = next(each for each in typing.get_args(wanted) if each is not type(None))
    if typing.get_origin(wanted) is tuple:
        return typing.get_args(wanted)[0], None
    return None, wanted if is_dataclass(wanted) else None
