"""Resolve a query: its columns, the most rows it can return, and its size after names are replaced.

The numbers of rows are upper bounds, which do not use the planner's estimates of conditions.
joins.py and grouping.py have the rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from sluice.adhoc_sql.catalogue import Catalogue
from sluice.adhoc_sql.column_names import column_name
from sluice.adhoc_sql.estimate import MAX_ROW_BYTES, MAX_WORK, Estimate, check_nodes
from sluice.adhoc_sql.expression import ExpressionEstimator, MemoryTotals
from sluice.adhoc_sql.from_clause import FromClause
from sluice.adhoc_sql.grouping import count_grouping_sets, group_rows, walk_without_subqueries
from sluice.adhoc_sql.joins import max_join_rows
from sluice.adhoc_sql.literals import check_name
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import reject
from sluice.adhoc_sql.scope import Column, Ctes, Relation, Scope, Scopes, unqualified_name

MAX_COLUMNS = 200
MAX_SELECTS = 60
TABLE_NODES = 40  # the planner's work for a table, as nodes of an expression
FRAMEOPTION_EXCLUSION = 0x38000  # the bits of EXCLUDE in the options of a window frame


@dataclass
class QueryEstimator:
    """Resolves the queries of one statement. `table_rows` has the estimated rows of each table."""

    catalogue: Catalogue
    table_rows: Mapping[str, float]
    totals: MemoryTotals
    selects: int = 0

    def resolve(self, query: Node, ctes: Ctes | None = None, outer: Scopes = ()) -> Relation:
        """Return the result of a query.

        Raises QueryRejected if it is not allowed, and QueryTooExpensive if it could collect too
        many rows in memory.
        """
        self.selects += 1
        if self.selects > MAX_SELECTS:
            reject(f"it has more than {MAX_SELECTS} queries, including subqueries", query)
        visible, cte_nodes = self._resolve_ctes(query, dict(ctes or {}), outer)
        if query["op"] not in (None, "SETOP_NONE"):
            relation = self._set_operation(query, visible, outer)
        elif query["valuesLists"]:
            relation = self._values(query, visible, outer)
        else:
            relation = self._select(query, visible, outer)
        relation = replace(relation, nodes=relation.nodes + cte_nodes)
        relation = self._apply_limit(query, relation, visible, outer)
        check_nodes(relation.nodes, query)
        return relation

    def _resolve_ctes(
        self, query: Node, ctes: dict[str, Relation], outer: Scopes
    ) -> tuple[dict[str, Relation], int]:
        """Add the queries of WITH to `ctes`.

        Return them, and the number of nodes of those that PostgreSQL plans once.
        """
        nodes = 0
        for cte in query["withClause"].list("ctes") if query["withClause"] else ():
            check_name(cte["ctename"], cte)
            relation = self.resolve(cte["ctequery"], ctes, outer)
            alias = Node("Alias", {"colnames": cte["aliascolnames"]}, cte.position)
            relation = relation.renamed(alias)
            if cte["ctematerialized"] == "CTEMaterializeAlways":
                relation = replace(relation, columns=_materialized(relation), union_arms=1)
            if cte["ctematerialized"] != "CTEMaterializeNever":
                nodes += relation.nodes
                relation = replace(relation, nodes=0)
            ctes[cte["ctename"]] = relation
        return ctes, nodes

    def _apply_limit(self, query: Node, relation: Relation, ctes: Ctes, outer: Scopes) -> Relation:
        clauses = ("limitCount", "limitOffset")
        bounds = [query[clause] for clause in clauses if query[clause] is not None]
        if not bounds:
            return relation
        expressions = ExpressionEstimator(self.resolve, ctes, outer, self.totals)
        estimates = expressions.estimate_all(bounds)
        return replace(
            relation,
            columns=_materialized(relation),
            rows=min(relation.rows, _limit(query)),
            nodes=relation.nodes + sum(estimate.nodes for estimate in estimates),
            union_arms=1,
        )

    def _values(self, query: Node, ctes: Ctes, outer: Scopes) -> Relation:
        rows = [row.list("items") for row in query.list("valuesLists")]
        if len({len(row) for row in rows}) != 1:
            reject("the rows of VALUES must have the same length", query)
        expressions = ExpressionEstimator(self.resolve, ctes, outer, self.totals)
        estimates = [expressions.estimate_all(row) for row in rows]
        columns = tuple(
            (f"column{number}", _largest(column))
            for number, column in enumerate(zip(*estimates, strict=True), 1)
        )
        nodes = sum(estimate.nodes for row in estimates for estimate in row)
        return Relation(columns, len(rows), nodes=nodes)

    def _set_operation(self, query: Node, ctes: Ctes, outer: Scopes) -> Relation:
        left, right = (self.resolve(query[side], ctes, outer) for side in ("larg", "rarg"))
        if len(left.columns) != len(right.columns):
            reject(
                "both sides of UNION, INTERSECT and EXCEPT must have the same number of columns",
                query,
            )
        _check_set_order(query, [name for name, _ in left.columns])
        columns = tuple(
            (name, _largest([one, other]))
            for (name, one), (_, other) in zip(left.columns, right.columns, strict=True)
        )
        is_union_all = query["op"] == "SETOP_UNION" and query["all"]
        if not is_union_all or query.list("sortClause"):
            width = sum(estimate.sort_width for _, estimate in columns)
            for rows in (left.rows, right.rows, left.rows + right.rows):
                self.totals.sorts.append((rows, width))
        max_rows = {
            "SETOP_UNION": left.rows + right.rows,
            "SETOP_INTERSECT": min(left.rows, right.rows),
        }
        return Relation(
            columns,
            rows=max_rows.get(query["op"], left.rows),
            nodes=left.nodes + right.nodes,
            union_arms=left.union_arms + right.union_arms,
            tables=left.tables + right.tables,
        )

    def _select(self, select: Node, ctes: Ctes, outer: Scopes) -> Relation:
        scope = Scope()
        expressions = ExpressionEstimator(self.resolve, ctes, (scope, *outer), self.totals)
        from_clause = FromClause(self.catalogue, self.table_rows, scope, expressions, ctes, outer)
        for item in select.list("fromClause"):
            from_clause.add(item)
        scope.rows = max_join_rows(scope, select)
        outputs = _outputs(select, scope, expressions)
        estimates = [
            *(estimate for _, estimate in outputs),
            *_clause_estimates(select, outputs, expressions),
            *from_clause.conditions,
        ]
        _check_row(select, estimates, outputs)
        width = sum(estimate.sort_width for estimate in estimates if not estimate.gathered)
        gathered = sum(estimate.size for estimate in estimates if estimate.gathered)
        self.totals.sorts += [(scope.rows, width), (1, gathered)] * _count_sorts(select, scope)
        rows, keys = group_rows(select, outputs, scope)
        return Relation(
            tuple((name, replace(estimate, gathered=False)) for name, estimate in outputs),
            rows,
            keys,
            nodes=_count_nodes(estimates, scope),
            tables=sum(source.tables for source in scope.sources.values()) or 1,
        )


def _limit(query: Node) -> float:
    """Return the rows of a constant LIMIT; infinity if the LIMIT is not a constant."""
    limit = query["limitCount"]
    rows = limit["value"] if limit and limit.kind == "A_Const" else None
    if isinstance(rows, int) and query["limitOption"] != "LIMIT_OPTION_WITH_TIES":
        return max(0, rows)
    return inf


def _check_set_order(query: Node, names: list[str]) -> None:
    for node in _sort_items(query):
        is_number = node.kind == "A_Const" and isinstance(node["value"], int)
        if unqualified_name(node) not in names and not is_number:
            reject(
                "ORDER BY after UNION, INTERSECT or EXCEPT must be a name or a number of a column",
                node,
            )


def _outputs(select: Node, scope: Scope, expressions: ExpressionEstimator) -> list[Column]:
    """Return the columns of the SELECT list."""
    outputs: list[Column] = []
    for target in select.list("targetList"):
        node = target["val"]
        starred = _expand_star(node, scope)
        if starred is not None:
            outputs += starred
            continue
        if target["name"] is not None:
            check_name(target["name"], target)
        outputs.append((target["name"] or column_name(node), expressions.estimate(node)))
    if not outputs:
        reject("a SELECT without columns is not allowed", select)
    if len(outputs) > MAX_COLUMNS:
        reject(f"a SELECT has {len(outputs)} columns; the limit is {MAX_COLUMNS}", select)
    return outputs


def _clause_estimates(
    select: Node, outputs: list[Column], expressions: ExpressionEstimator
) -> list[Estimate]:
    """Return the estimates of all expressions besides the SELECT list and the joins."""
    conditions = (select["whereClause"], select["havingClause"])
    estimates = expressions.estimate_all([node for node in conditions if node is not None])
    for window in select.list("windowClause"):
        estimates += _window_estimates(window, expressions)
    names = {name for name, _ in outputs}
    for node in _items_that_may_name_outputs(select):
        if unqualified_name(node) in names:
            estimates += [value for name, value in outputs if name == unqualified_name(node)]
        else:
            estimates.append(expressions.estimate(node))
    return estimates


def _window_estimates(window: Node, expressions: ExpressionEstimator) -> list[Estimate]:
    check_window(window)
    nodes = window.list("partitionClause")
    nodes += [part["node"] for part in window.list("orderClause")]
    offsets = (window["startOffset"], window["endOffset"])
    nodes += [offset for offset in offsets if offset is not None]
    return expressions.estimate_all(nodes)


def check_window(window: Node) -> None:
    """Raise QueryRejected for EXCLUDE in the frame of a window."""
    if int(window["frameOptions"] or 0) & FRAMEOPTION_EXCLUSION:
        reject("EXCLUDE is not allowed", window)


def _check_row(select: Node, estimates: list[Estimate], outputs: list[Column]) -> None:
    if sum(estimate.work for estimate in estimates) > MAX_WORK:
        reject(f"computing one row could process more than {MAX_WORK:,} bytes", select)
    if sum(estimate.size for _, estimate in outputs if not estimate.gathered) > MAX_ROW_BYTES:
        reject(f"one row could have more than {MAX_ROW_BYTES:,} bytes", select)


def _count_nodes(estimates: list[Estimate], scope: Scope) -> int:
    """Return the nodes of a SELECT and of its sources, after names are replaced."""
    sources = scope.sources.values()
    arms = sum(source.union_arms for source in sources if source.union_arms > 1) or 1
    return (
        arms * sum(estimate.nodes for estimate in estimates)
        + sum(source.nodes for source in sources)
        + TABLE_NODES * max(1, len(scope.sources))
    )


def _count_sorts(select: Node, scope: Scope) -> int:
    """Return how often the rows of a SELECT may be sorted: for its clauses, and for joins."""
    clauses = ("sortClause", "groupClause", "distinctClause")
    joins = max(0, len(scope.sources) - 1)
    windows = [
        node
        for target in select.list("targetList")
        for node in walk_without_subqueries(target)
        if node["over"] is not None
    ]
    return (
        sum(bool(select[clause]) for clause in clauses)
        + 2 * joins
        + len(select.list("windowClause"))
        + len(windows)
        + count_grouping_sets(select.list("groupClause"))
        - 1
    )


def _materialized(relation: Relation) -> tuple[Column, ...]:
    return tuple((name, estimate.materialized()) for name, estimate in relation.columns)


def _largest(estimates: Sequence[Estimate]) -> Estimate:
    """Return the estimate of a column of VALUES or of a set operation.

    `estimates` are those of the rows or queries. The planner combines their expressions, so nodes
    are added up.
    """
    return Estimate(
        max(estimate.size for estimate in estimates),
        sum(estimate.nodes for estimate in estimates),
        max(estimate.work for estimate in estimates),
        text=any(estimate.text for estimate in estimates),
        literal=all(estimate.literal for estimate in estimates),
        distinct=sum(estimate.distinct for estimate in estimates),
        expansion=max(estimate.expansion for estimate in estimates),
        stored_bytes=max(estimate.sort_width for estimate in estimates),
    )


def _expand_star(node: Node, scope: Scope) -> list[Column] | None:
    """Return the columns of `*` or `alias.*`, or None for anything else."""
    fields = node.list("fields") if node.kind == "ColumnRef" else []
    if not fields or fields[-1].kind != "A_Star":
        return None
    if len(fields) == 1:
        return scope.columns()
    alias = str(fields[0]["sval"])
    if len(fields) == 3 and alias == "public" and fields[1]["sval"] in scope.schema_aliases:
        node.fields["fields"] = node.fields["fields"][1:]
        alias = scope.schema_aliases[str(fields[1]["sval"])]
    elif len(fields) != 2 or alias not in scope.sources:
        reject(f"{alias[:63]}.* needs {alias[:63]} in FROM", node)
    return list(scope.sources[alias].columns)


def _sort_items(query: Node) -> Iterator[Node]:
    for part in query.list("sortClause"):
        yield part["node"]


def _items_that_may_name_outputs(select: Node) -> Iterator[Node]:
    """Yield the items of GROUP BY, ORDER BY and DISTINCT ON.

    In these clauses, a name without a table may also be that of an output column.
    """
    for item in [*_sort_items(select), *select.list("groupClause")]:
        yield from _elements(item)
    for item in select.list("distinctClause"):
        yield from _elements(item)


def _elements(item: Node) -> Iterator[Node]:
    if item.kind == "GroupingSet":
        for element in item.list("content"):
            yield from _elements(element)
    elif item.kind == "RowExpr":
        for element in item.list("args"):
            yield from _elements(element)
    else:
        yield item
