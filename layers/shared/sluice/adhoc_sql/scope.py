"""Resolve column names by PostgreSQL's scoping rules, and reject names that match no column.

If no such column exists, PostgreSQL reads `t.row_to_json` as a function call, and `t` as a
whole row. So each name must resolve here before PostgreSQL sees the query.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf, prod

from sluice.adhoc_sql.estimate import Estimate
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import reject, rejection
from sluice.errors import QueryRejected

UniqueKey = frozenset[str]
Column = tuple[str, Estimate]  # name and estimate


@dataclass(frozen=True)
class Relation:
    """A table, or the result of a query. Several columns may have the same name."""

    columns: tuple[Column, ...]
    rows: float = inf  # the most rows that it can have
    unique_keys: tuple[UniqueKey, ...] = ()  # no two rows have the same values in these columns
    nodes: int = 0  # of all expressions in it
    union_arms: int = 1  # queries of a UNION; the planner copies outer conditions to each
    tables: int = 1  # relations in it, including those of subqueries

    def renamed(self, alias: Node | None) -> "Relation":
        """Return the relation with the column names of an alias."""
        column_aliases = alias.list("colnames") if alias else []
        names = [name["sval"] for name in column_aliases]
        if len(names) > len(self.columns):
            reject(
                f"the alias names {len(names)} columns, but there are {len(self.columns)}", alias
            )
        if not names:
            return self
        old = [name for name, _ in self.columns]
        new = dict(zip(old, names, strict=False))
        columns = tuple((new.get(name, name), estimate) for name, estimate in self.columns)
        # A key can be renamed only if its column names are unambiguous.
        keys: tuple[UniqueKey, ...] = ()
        if len(set(old)) == len(old):
            keys = tuple(frozenset(new.get(name, name) for name in key) for key in self.unique_keys)
        return replace(self, columns=columns, unique_keys=keys)


def combinations(columns: Iterable[Column]) -> float:
    """Return the highest number of different rows that these columns can have."""
    return prod((estimate.distinct for _, estimate in columns), start=1.0)


Ctes = Mapping[str, Relation]  # the queries of WITH, by name


@dataclass
class Scope:
    """The names that are visible in one SELECT: its sources in FROM, by alias."""

    sources: dict[str, Relation] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)  # columns that USING merges
    # The aliases of tables that may also be named as `public.table`.
    schema_aliases: dict[str, str] = field(default_factory=dict)
    rows: float = 1

    def add(self, alias: str, relation: Relation, node: Node) -> None:
        """Add a source. Raises QueryRejected if the alias is in use."""
        if alias in self.sources:
            reject(f"the name {alias} is used twice in FROM", node)
        self.sources[alias] = relation

    def restricted_to(self, aliases: set[str]) -> "Scope":
        """Return the scope with only these sources, for the condition of a join."""
        sources = {alias: source for alias, source in self.sources.items() if alias in aliases}
        schema_aliases = {
            table: alias for table, alias in self.schema_aliases.items() if alias in aliases
        }
        return Scope(sources, self.merged, schema_aliases, self.rows)

    def columns(self) -> list[Column]:
        """Return the columns of `*`: merged columns once and first."""
        columns = [column for source in self.sources.values() for column in source.columns]
        merged: dict[str, Estimate] = {}
        for name, estimate in columns:
            if name in self.merged:
                merged.setdefault(name, estimate)
        return [*merged.items(), *(column for column in columns if column[0] not in self.merged)]

    def columns_named(self, name: str) -> list[Estimate]:
        """Return the estimates of the columns with this name. A merged column counts once."""
        found = [
            estimate
            for source in self.sources.values()
            for column, estimate in source.columns
            if column == name
        ]
        return found[:1] if name in self.merged else found

    def aliases_with(self, name: str) -> Iterator[str]:
        """Yield the aliases of the sources that have a column of this name."""
        for alias, source in self.sources.items():
            if any(column == name for column, _ in source.columns):
                yield alias


Scopes = tuple[Scope, ...]  # the innermost first


def name_parts(column: Node) -> list[str] | None:
    """Return the parts of a column's name, or None if it ends in a star."""
    fields = column.list("fields")
    if any(part.kind != "String" for part in fields):
        return None
    return [str(part["sval"]) for part in fields]


def unqualified_name(node: Node) -> str | None:
    """Return the name of a column without a table, or None for anything else."""
    parts = name_parts(node) if node.kind == "ColumnRef" else None
    return parts[0] if parts is not None and len(parts) == 1 else None


def resolve_column(column: Node, scopes: Scopes) -> Estimate:
    """Return the estimate of a column.

    Raises QueryRejected if the name is unknown or ambiguous.
    """
    parts = name_parts(column)
    if parts is None:
        reject("* is allowed only in a SELECT list and in count(*)", column)
    if len(parts) == 3:
        parts = _without_schema(column, parts, scopes)
    if len(parts) > 2:
        reject("a column name has at most three parts", column)
    if len(parts) == 2:
        return _resolve_qualified(column, parts[0], parts[1], scopes)
    name = parts[0]
    for scope in scopes:
        found = scope.columns_named(name)
        if len(found) == 1:
            return found[0]
        if found:
            aliases = " or ".join(scope.aliases_with(name))
            reject(f"the column {name} is ambiguous: write whether it is of {aliases}", column)
    raise _unknown_column(column, name, scopes)


def _unknown_column(column: Node, name: str, scopes: Scopes) -> QueryRejected:
    sources = (source for scope in scopes for source in scope.sources.values())
    known = dict.fromkeys(known for source in sources for known, _ in source.columns)
    hint = f"; the columns are {', '.join(known)}" if known else ""
    return rejection(f"there is no column {name[:63]}{hint}", column)


def _resolve_qualified(column: Node, alias: str, name: str, scopes: Scopes) -> Estimate:
    for scope in scopes:
        if alias in scope.sources:
            found = [value for own, value in scope.sources[alias].columns if own == name]
            if len(found) == 1:
                return found[0]
            if found:
                reject(f"{alias} has {len(found)} columns named {name[:63]}", column)
            reject(f"{alias} has no column {name[:63]}", column)
    raise rejection(f"there is no {alias[:63]} in FROM", column)


def _without_schema(column: Node, parts: list[str], scopes: Scopes) -> list[str]:
    """Replace `public.t.id` by the column of the table, which must not have an alias."""
    schema, table, name = parts
    if schema == "public":
        for scope in scopes:
            if table in scope.schema_aliases:
                column.fields["fields"] = column.fields["fields"][1:]
                return [scope.schema_aliases[table], name]
    raise rejection(f"there is no {schema}.{table}"[:63] + " in FROM", column)
