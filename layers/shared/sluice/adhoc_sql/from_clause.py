"""Resolve the items of FROM: tables, subqueries, generate_series and joins, with their aliases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.catalogue import AnalystColumn, Catalogue
from sluice.adhoc_sql.estimate import Estimate
from sluice.adhoc_sql.expression import ExpressionEstimator
from sluice.adhoc_sql.generate_series import count_rows
from sluice.adhoc_sql.literals import check_name
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import reject
from sluice.adhoc_sql.scope import Ctes, Relation, Scope, Scopes

# If a row has more bytes, PostgreSQL stores long values in a separate table (TOAST).
TOAST_THRESHOLD = 2_000
JOINS = frozenset({"JOIN_INNER", "JOIN_LEFT", "JOIN_RIGHT", "JOIN_FULL"})
# Parts of a call that generate_series must not have.
CALL_MODIFIERS = (
    "agg_order",
    "agg_filter",
    "over",
    "agg_star",
    "agg_distinct",
    "agg_within_group",
)


@dataclass
class FromClause:
    """Adds the items of a FROM clause to a scope. `table_rows` has the rows of each table."""

    catalogue: Catalogue
    table_rows: Mapping[str, float]
    scope: Scope
    expressions: ExpressionEstimator
    ctes: Ctes
    outer: Scopes

    def __post_init__(self) -> None:
        self.conditions: list[Estimate] = []  # of joins

    def add(self, item: Node) -> set[str]:
        """Add one item; return the aliases that it defines."""
        resolve: Callable[[Node], set[str]] | None = {
            "JoinExpr": self._join,
            "RangeVar": self._table,
            "RangeSubselect": self._subquery,
            "RangeFunction": self._series,
        }.get(item.kind)
        if resolve is None:
            reject(f"{allowlist.describe(item.kind)} is not allowed in FROM", item)
        return resolve(item)

    def _join(self, join: Node) -> set[str]:
        if join["jointype"] not in JOINS:
            reject("this kind of join is not allowed", join)
        left = self.add(join["larg"])
        right = self.add(join["rarg"])
        for name in (part["sval"] for part in join.list("usingClause")):
            if not (self._has(left, name) and self._has(right, name)):
                reject(f"the column {name} of USING is not on both sides of the join", join)
            self.scope.merged.add(name)
        if join["quals"] is not None:
            visible = self.scope.restricted_to(left | right)
            expressions = self.expressions.within((visible, *self.outer))
            self.conditions.append(expressions.estimate(join["quals"]))
        return left | right

    def _has(self, aliases: set[str], name: str) -> bool:
        return any(alias in aliases for alias in self.scope.aliases_with(name))

    def _add_source(self, alias: str, relation: Relation, item: Node) -> set[str]:
        check_name(alias, item)
        for name, _ in relation.columns:
            check_name(name, item)
        self.scope.add(alias, relation.renamed(item["alias"]), item)
        return {alias}

    def _table(self, item: Node) -> set[str]:
        name, schema = item["relname"], item["schemaname"]
        if schema not in (None, "public"):
            reject(f"there is no schema {schema[:63]}", item)
        if not item["inh"]:
            reject("ONLY is not allowed", item)
        alias = item["alias"]["aliasname"] if item["alias"] else name
        relation = self.ctes.get(name) if schema is None else None
        if relation is None:
            relation = table_relation(name, self.catalogue, self.table_rows)
            if relation is None:
                tables = ", ".join(self.catalogue.tables)
                reject(f"there is no table {name[:63]}; the tables are {tables}", item)
            item.fields["schemaname"] = "public"  # so that search_path does not matter
            if not item["alias"]:
                self.scope.schema_aliases[name] = name
                item.fields["alias"] = Node("Alias", {"aliasname": name})
        return self._add_source(alias, relation, item)

    def _subquery(self, item: Node) -> set[str]:
        if not item["alias"]:
            reject("a subquery in FROM needs an alias", item)
        outer = self.outer
        if item["lateral"]:
            visible = replace(self.scope, schema_aliases=dict(self.scope.schema_aliases))
            outer = (visible, *self.outer)
        relation = self.expressions.query(item["subquery"], self.ctes, outer)
        return self._add_source(item["alias"]["aliasname"], relation, item)

    def _series(self, item: Node) -> set[str]:
        """Add generate_series. Its column has the name of its alias."""
        call = item.list("functions")[0].list("items")[0]
        if call.kind != "FuncCall" or [part["sval"] for part in call.list("funcname")] != [
            allowlist.GENERATE_SERIES
        ]:
            reject("generate_series is the only function that is allowed in FROM", item)
        if any(call[modifier] for modifier in CALL_MODIFIERS):
            reject("generate_series must have only its arguments", item)
        rows = count_rows(call)
        self.expressions.within(()).estimate_all(call.list("args"))
        name = item["alias"]["aliasname"] if item["alias"] else allowlist.GENERATE_SERIES
        column = (name, Estimate(40, distinct=rows))
        return self._add_source(name, Relation((column,), rows, (frozenset({name}),)), item)


def table_relation(
    name: str, catalogue: Catalogue, table_rows: Mapping[str, float]
) -> Relation | None:
    """Return a table of the catalogue with its columns, or None if it has no such table."""
    table = catalogue.tables.get(name)
    if table is None:
        return None
    rows = table_rows.get(name, inf)
    columns = []
    for column_name, column in table.columns.items():
        distinct = min(rows, _distinct_values(column, rows, table_rows))
        columns.append((column_name, _column_estimate(column, distinct)))
    return Relation(tuple(columns), rows, tuple(frozenset(key) for key in table.keys))


def _distinct_values(column: AnalystColumn, rows: float, table_rows: Mapping[str, float]) -> float:
    if column.distinct is not None:
        return column.distinct
    return table_rows.get(column.references, inf) if column.references else rows


def _column_estimate(column: AnalystColumn, distinct: float) -> Estimate:
    return Estimate(
        column.bytes,
        text=column.text,
        distinct=distinct,
        stored_bytes=min(column.bytes, TOAST_THRESHOLD),
    )
