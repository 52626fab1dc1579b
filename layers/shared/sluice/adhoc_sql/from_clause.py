"""What stands in FROM: tables, subqueries, series and joins, each with its alias and where its names are seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.estimate import Value
from sluice.adhoc_sql.expression import Expressions
from sluice.adhoc_sql.generate_series import check_series
from sluice.adhoc_sql.literals import check_name
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import refuse
from sluice.adhoc_sql.scope import Frame, Frames, Relation, Tables

TOASTED = 2_000  # bytes of a row beyond which PostgreSQL puts values in a table of their own
JOINS = frozenset({"JOIN_INNER", "JOIN_LEFT", "JOIN_RIGHT", "JOIN_FULL"})


@dataclass
class Sources:
    """Reads FROM, item by item, into a frame."""

    sizes: Mapping[str, float]
    frame: Frame
    expressions: Expressions
    tables: Tables
    outer: Frames

    def __post_init__(self) -> None:
        self.conditions: list[Value] = []  # those of joins

    def add(self, item: Node) -> set[str]:
        """Add one item of FROM; the aliases that it has brought."""
        read: Callable[[Node], set[str]] | None = {
            "JoinExpr": self._join,
            "RangeVar": self._table,
            "RangeSubselect": self._subquery,
            "RangeFunction": self._series,
        }.get(item.kind)
        if read is None:
            refuse(f"{allowlist.words(item.kind)} cannot stand in FROM", item)
        return read(item)

    def _join(self, join: Node) -> set[str]:
        if join["jointype"] not in JOINS:
            refuse("this kind of join is not allowed", join)
        left = self.add(join["larg"])
        right = self.add(join["rarg"])
        for name in (part["sval"] for part in join.list("usingClause")):
            if not (self._has(left, name) and self._has(right, name)):
                refuse(f"the column {name} is not on both sides of USING", join)
            self.frame.merged.add(name)
        if join["quals"] is not None:
            seen = self.frame.only(left | right)
            self.conditions.append(
                self.expressions.within((seen, *self.outer)).value(join["quals"])
            )
        return left | right

    def _has(self, aliases: set[str], name: str) -> bool:
        return any(name == own for alias in aliases for own, _ in self.frame.sources[alias].columns)

    def _added(self, alias: str, relation: Relation, item: Node) -> set[str]:
        check_name(alias, item)
        for name, _ in relation.columns:
            check_name(name, item)
        self.frame.add(alias, relation.renamed(item["alias"]), item)
        return {alias}

    def _table(self, item: Node) -> set[str]:
        name, schema = item["relname"], item["schemaname"]
        if schema not in (None, "public"):
            refuse(f"there is no schema {schema[:63]} here", item)
        if not item["inh"]:
            refuse("ONLY is not allowed", item)
        alias = item["alias"]["aliasname"] if item["alias"] else name
        known = self.tables.get(name) if schema is None else None
        if known is None:
            known = table_of(name, self.sizes)
            if known is None:
                refuse(
                    f"there is no table {name[:63]}; there are {', '.join(allowlist.TABLES)}", item
                )
            item.parts["schemaname"] = "public"  # whatever search_path says
            if not item["alias"]:
                self.frame.schemas[name] = name
                item.parts["alias"] = Node("Alias", {"aliasname": name})
        return self._added(alias, known, item)

    def _subquery(self, item: Node) -> set[str]:
        if not item["alias"]:
            refuse("a subquery in FROM needs a name", item)
        outer = (
            (replace(self.frame, schemas=dict(self.frame.schemas)), *self.outer)
            if item["lateral"]
            else self.outer
        )
        return self._added(
            item["alias"]["aliasname"],
            self.expressions.query(item["subquery"], self.tables, outer),
            item,
        )

    def _series(self, item: Node) -> set[str]:
        """generate_series, which names its column as itself."""
        call = item.list("functions")[0].list("items")[0]
        if call.kind != "FuncCall" or [part["sval"] for part in call.list("funcname")] != [
            allowlist.SERIES
        ]:
            refuse("no function but generate_series may stand in FROM", item)
        for part in (
            "agg_order",
            "agg_filter",
            "over",
            "agg_star",
            "agg_distinct",
            "agg_within_group",
        ):
            if call[part]:
                refuse("generate_series takes its arguments alone", item)
        rows = check_series(call)
        self.expressions.within(()).values(call.list("args"))
        name = item["alias"]["aliasname"] if item["alias"] else allowlist.SERIES
        return self._added(
            name, Relation(((name, Value(40, distinct=rows)),), rows, (frozenset({name}),)), item
        )


def table_of(name: str, sizes: Mapping[str, float]) -> Relation | None:
    """One of the tables, with the columns that it has; None where there is no such table."""
    columns = allowlist.TABLES.get(name)
    if columns is None:
        return None
    rows = sizes.get(name, inf)
    values = []
    for column in columns:
        size = allowlist.TEXTS.get(
            column, allowlist.TIME if column in allowlist.TIMES else allowlist.NUMBER
        )
        distinct = (
            allowlist.STATUSES
            if column == "status"
            else sizes.get(allowlist.REFERENCES.get(column, name), inf)
        )
        values.append(
            (
                column,
                Value(
                    size,
                    text=column in allowlist.TEXTS,
                    distinct=min(rows, distinct),
                    reads=min(size, TOASTED),
                ),
            )
        )
    return Relation(tuple(values), rows, tuple(frozenset(key) for key in allowlist.KEYS[name]))
