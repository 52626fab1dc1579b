"""Checks that every name in a statement is a column of a table it may read, by PostgreSQL's rules of scope.

`products.row_to_json` is a call of a function to PostgreSQL where no such column is, and `products` alone a whole row:
so each column is found here first, or refused, before PostgreSQL is asked.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf

from sluice.adhoc_sql.estimate import Value
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import refusal, refuse

Key = frozenset[str]


@dataclass(frozen=True)
class Relation:
    """What a query or a table gives: columns by name, in order, and how many rows at most."""

    columns: tuple[tuple[str, Value], ...]
    rows: float = inf
    keys: tuple[Key, ...] = ()  # columns that no two rows share
    nodes: int = 0  # of all expressions in it
    arms: int = 1  # parts of UNION: the planner repeats for each what is asked of all
    tables: int = 1  # relations in it, those of nested queries too

    def renamed(self, alias: Node | None) -> "Relation":
        """With the columns' names of an alias; keys are lost where names change."""
        names = [name["sval"] for name in alias.list("colnames")] if alias else []
        if len(names) > len(self.columns):
            refuse(
                f"the name has {len(names)} columns, and what it names {len(self.columns)}", alias
            )
        if not names:
            return self
        own = [name for name, _ in self.columns]
        new = dict(zip(own, names, strict=False))
        columns = tuple((new.get(name, name), value) for name, value in self.columns)
        keys = tuple(frozenset(new.get(name, name) for name in key) for key in self.keys)
        return replace(self, columns=columns, keys=keys if len(set(own)) == len(own) else ())


Tables = Mapping[str, Relation]  # what WITH has named


@dataclass
class Frame:
    """What one SELECT sees: its sources in FROM, by alias, and the columns that USING has made one."""

    sources: dict[str, Relation] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    schemas: dict[str, str] = field(default_factory=dict)  # table → alias, for names of three parts
    rows: float = 1

    def add(self, alias: str, relation: Relation, node: Node) -> None:
        if alias in self.sources:
            refuse(f"the name {alias} stands twice in FROM", node)
        self.sources[alias] = relation

    def only(self, aliases: set[str]) -> "Frame":
        """The part of it that a join's condition sees."""
        sources = {alias: source for alias, source in self.sources.items() if alias in aliases}
        schemas = {table: alias for table, alias in self.schemas.items() if alias in aliases}
        return Frame(sources, self.merged, schemas, self.rows)

    def columns(self) -> list[tuple[str, Value]]:
        """As `*` gives them; those of USING once, and first."""
        every = [column for source in self.sources.values() for column in source.columns]
        first: dict[str, Value] = {}
        for name, value in every:
            if name in self.merged:
                first.setdefault(name, value)
        return [*first.items(), *(column for column in every if column[0] not in self.merged)]

    def named(self, name: str) -> list[Value]:
        found = [
            value
            for source in self.sources.values()
            for own, value in source.columns
            if own == name
        ]
        return found[:1] if name in self.merged else found


Frames = tuple[Frame, ...]  # the innermost first


def names_of(column: Node) -> list[str] | None:
    """The parts of a column's name; None for one with a star."""
    fields = column.list("fields")
    return (
        [str(part["sval"]) for part in fields]
        if all(part.kind == "String" for part in fields)
        else None
    )


def bare(node: Node) -> str | None:
    """The name of a column that has no table before it."""
    names = names_of(node) if node.kind == "ColumnRef" else None
    return names[0] if names is not None and len(names) == 1 else None


def find(column: Node, frames: Frames) -> Value:
    """The value of a column. QueryRejected for a name that means nothing, or several things."""
    names = names_of(column)
    if names is None:
        refuse("* may stand in a SELECT list, or in count(*)", column)
    if len(names) == 3:
        names = _of_schema(column, names, frames)
    if len(names) > 2:
        refuse("a name of so many parts is not allowed", column)
    if len(names) == 2:
        return _qualified(column, names[0], names[1], frames)
    for frame in frames:
        found = frame.named(names[0])
        if len(found) == 1:
            return found[0]
        if found:
            where = [
                a
                for a, source in frame.sources.items()
                if any(n == names[0] for n, _ in source.columns)
            ]
            refuse(
                f"{names[0]} may be that of {' or '.join(dict.fromkeys(where))}: say which", column
            )
    known = Counter(
        name for frame in frames for source in frame.sources.values() for name, _ in source.columns
    )
    hint = f"; there are {', '.join(known)}" if known else ""
    raise refusal(f"there is no column {names[0][:63]}{hint}", column)


def _qualified(column: Node, alias: str, name: str, frames: Frames) -> Value:
    for frame in frames:
        if alias in frame.sources:
            found = [value for own, value in frame.sources[alias].columns if own == name]
            if len(found) == 1:
                return found[0]
            if found:
                refuse(f"{alias} has {len(found)} columns {name[:63]}", column)
            refuse(f"{alias} has no column {name[:63]}", column)
    raise refusal(f"there is no {alias[:63]} in FROM", column)


def _of_schema(column: Node, names: list[str], frames: Frames) -> list[str]:
    """`public.products.id` as the column of an alias: only a table that was given no other name is meant."""
    if names[0] == "public":
        for frame in frames:
            if names[1] in frame.schemas:
                column.parts["fields"] = column.parts["fields"][1:]
                return [frame.schemas[names[1]], names[2]]
    raise refusal(f"there is no {'.'.join(names[:2])[:63]} in FROM", column)
