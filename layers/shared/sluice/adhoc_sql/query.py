"""What a SELECT gives: its columns, how many rows at most, and how long it is with every name replaced.

Rows are bounded from above, whatever the conditions say and the planner believes: a join has as many as its tables
multiplied, but for a table of which each row is the only one for a row of the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sluice.adhoc_sql.column_names import label
from sluice.adhoc_sql.estimate import MAX_NODES, MAX_ROW, MAX_WORK, Value
from sluice.adhoc_sql.expression import Expressions, Totals
from sluice.adhoc_sql.from_clause import Sources
from sluice.adhoc_sql.grouping import grouped, groupings, own_nodes
from sluice.adhoc_sql.joins import rows_of
from sluice.adhoc_sql.literals import check_name
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import refuse
from sluice.adhoc_sql.scope import Frame, Frames, Relation, Tables, bare

MAX_COLUMNS = 200
MAX_SELECTS = 60
TABLE_NODES = 40  # what a table costs the planner, in nodes of an expression
EXCLUDE = 0x38000  # EXCLUDE in the options of a frame


@dataclass
class Queries:
    """Resolves and measures the queries of one statement. `sizes` are the rows of the tables, as estimated."""

    sizes: Mapping[str, float]
    totals: Totals
    selects: int = 0

    def relation(self, query: Node, tables: Tables | None = None, outer: Frames = ()) -> Relation:
        """What a query gives; QueryRejected for what is not allowed in it, or would be too large."""
        self.selects += 1
        if self.selects > MAX_SELECTS:
            refuse(
                f"it has more than {MAX_SELECTS} queries within each other and beside each other",
                query,
            )
        known = dict(tables or {})
        nodes = 0
        for cte in query["withClause"].list("ctes") if query["withClause"] else ():
            check_name(cte["ctename"], cte)
            found = self.relation(cte["ctequery"], known, outer)
            alias = Node("Alias", {"colnames": cte["aliascolnames"]}, cte.at)
            found = found.renamed(alias)
            if cte["ctematerialized"] == "CTEMaterializeAlways":
                found = replace(found, columns=_once(found), arms=1)
            if cte["ctematerialized"] != "CTEMaterializeNever":
                nodes += found.nodes
                found = replace(found, nodes=0)
            known[cte["ctename"]] = found
        if query["op"] not in (None, "SETOP_NONE"):
            result = self._set_operation(query, known, outer)
        elif query["valuesLists"]:
            result = self._values(query, known, outer)
        else:
            result = self._select(query, known, outer)
        result = self._limited(query, replace(result, nodes=result.nodes + nodes), known, outer)
        if result.nodes > MAX_NODES:
            refuse(
                f"with every name replaced by what it stands for it has more than {MAX_NODES:,} parts",
                query,
            )
        return result

    def _limited(self, query: Node, relation: Relation, tables: Tables, outer: Frames) -> Relation:
        bounds = [query[part] for part in ("limitCount", "limitOffset") if query[part] is not None]
        if not bounds:
            return relation
        values = Expressions(self.relation, tables, outer, self.totals).values(bounds)
        most = (
            query["limitCount"]["value"]
            if query["limitCount"] and query["limitCount"].kind == "A_Const"
            else None
        )
        rows = relation.rows
        if isinstance(most, int) and query["limitOption"] != "LIMIT_OPTION_WITH_TIES":
            rows = min(rows, max(0, most))
        nodes = relation.nodes + sum(value.nodes for value in values)
        return replace(relation, columns=_once(relation), rows=rows, nodes=nodes, arms=1)

    def _values(self, query: Node, tables: Tables, outer: Frames) -> Relation:
        rows = [row.list("items") for row in query.list("valuesLists")]
        if len({len(row) for row in rows}) != 1:
            refuse("the rows of VALUES are lists of the same length", query)
        expressions = Expressions(self.relation, tables, outer, self.totals)
        values = [expressions.values(row) for row in rows]
        columns = tuple(
            (f"column{n + 1}", _largest(column))
            for n, column in enumerate(zip(*values, strict=True))
        )
        return Relation(
            columns, len(rows), nodes=sum(value.nodes for row in values for value in row)
        )

    def _set_operation(self, query: Node, tables: Tables, outer: Frames) -> Relation:
        left, right = (self.relation(query[side], tables, outer) for side in ("larg", "rarg"))
        if len(left.columns) != len(right.columns):
            refuse(
                "UNION, INTERSECT and EXCEPT want the same number of columns on both sides", query
            )
        names = [name for name, _ in left.columns]
        for node in _sorted_by(query):
            if bare(node) not in names and not (
                node.kind == "A_Const" and isinstance(node["value"], int)
            ):
                refuse(
                    "ORDER BY after UNION, INTERSECT or EXCEPT takes the names or numbers of columns",
                    node,
                )
        columns = tuple(
            (name, _largest([one, other]))
            for (name, one), (_, other) in zip(left.columns, right.columns, strict=True)
        )
        if not (query["op"] == "SETOP_UNION" and query["all"]) or query.list("sortClause"):
            width = sum(value.kept for _, value in columns)
            self.totals.sorts += [
                (left.rows, width),
                (right.rows, width),
                (left.rows + right.rows, width),
            ]
        rows = {
            "SETOP_UNION": left.rows + right.rows,
            "SETOP_INTERSECT": min(left.rows, right.rows),
        }
        most = rows.get(query["op"], left.rows)
        tables_ = left.tables + right.tables
        return Relation(
            columns, most, (), left.nodes + right.nodes, left.arms + right.arms, tables_
        )

    def _select(self, select: Node, tables: Tables, outer: Frames) -> Relation:
        frame = Frame()
        expressions = Expressions(self.relation, tables, (frame, *outer), self.totals)
        sources = Sources(self.sizes, frame, expressions, tables, outer)
        for item in select.list("fromClause"):
            sources.add(item)
        frame.rows = rows_of(frame, select)
        outputs = self._outputs(select, frame, expressions)
        names = {name for name, _ in outputs}
        values = [value for _, value in outputs]
        for part in ("whereClause", "havingClause"):
            values += expressions.values([select[part]] if select[part] is not None else [])
        for window in select.list("windowClause"):
            values += self._window(window, expressions)
        for node in _places_of_outputs(select):
            if bare(node) in names:
                values += [value for name, value in outputs if name == bare(node)]
            else:
                values.append(expressions.value(node))
        values += sources.conditions
        arms = sum(source.arms for source in frame.sources.values() if source.arms > 1) or 1
        nodes = arms * sum(value.nodes for value in values) + sum(
            source.nodes for source in frame.sources.values()
        )
        nodes += TABLE_NODES * max(1, len(frame.sources))
        self._check_row(select, values, outputs)
        kept = sum(value.kept for value in values if not value.gathers)
        gathered = sum(value.size for value in values if value.gathers)
        self.totals.sorts += [(frame.rows, kept), (1, gathered)] * _sorts(select, frame)
        rows, keys = grouped(select, outputs, frame)
        columns = tuple((name, replace(value, gathers=False)) for name, value in outputs)
        return Relation(
            columns, rows, keys, nodes, 1, sum(s.tables for s in frame.sources.values()) or 1
        )

    def _check_row(
        self, select: Node, values: list[Value], outputs: list[tuple[str, Value]]
    ) -> None:
        if sum(value.work for value in values) > MAX_WORK:
            refuse(f"one row of it could be the work of more than {MAX_WORK:,} bytes", select)
        if sum(value.size for _, value in outputs if not value.gathers) > MAX_ROW:
            refuse(f"one row of it could have more than {MAX_ROW:,} bytes", select)

    def _window(self, window: Node, expressions: Expressions) -> list[Value]:
        check_window(window)
        nodes = [
            *window.list("partitionClause"),
            *(part["node"] for part in window.list("orderClause")),
        ]
        nodes += [
            bound for bound in (window["startOffset"], window["endOffset"]) if bound is not None
        ]
        return expressions.values(nodes)

    def _outputs(
        self, select: Node, frame: Frame, expressions: Expressions
    ) -> list[tuple[str, Value]]:
        outputs: list[tuple[str, Value]] = []
        for target in select.list("targetList"):
            node = target["val"]
            starred = _starred(node, frame)
            if starred is not None:
                outputs += starred
                continue
            if target["name"] is not None:
                check_name(target["name"], target)
            outputs.append((target["name"] or label(node), expressions.value(node)))
        if not outputs:
            refuse("a SELECT without columns is not allowed", select)
        if len(outputs) > MAX_COLUMNS:
            refuse(f"a SELECT has {len(outputs)} columns; {MAX_COLUMNS} are the most", select)
        return outputs


def check_window(window: Node) -> None:
    """QueryRejected for EXCLUDE in the frame of a window."""
    if int(window["frameOptions"] or 0) & EXCLUDE:
        refuse("EXCLUDE is not allowed", window)


def _once(relation: Relation) -> tuple[tuple[str, Value], ...]:
    return tuple((name, value.once()) for name, value in relation.columns)


def _largest(values: list[Value] | tuple[Value, ...]) -> Value:
    """A column of several queries, of which the planner makes one of their expressions each."""
    return Value(
        max(value.size for value in values),
        sum(value.nodes for value in values),
        max(value.work for value in values),
        text=any(value.text for value in values),
        fixed=all(value.fixed for value in values),
        distinct=sum(value.distinct for value in values),
        growth=max(value.growth for value in values),
        reads=max(value.kept for value in values),
    )


def _starred(node: Node, frame: Frame) -> list[tuple[str, Value]] | None:
    """What `*` or `alias.*` stands for; None for what is neither."""
    fields = node.list("fields") if node.kind == "ColumnRef" else []
    if not fields or fields[-1].kind != "A_Star":
        return None
    if len(fields) == 1:
        return frame.columns()
    alias = str(fields[0]["sval"])
    if len(fields) == 3 and alias == "public" and fields[1]["sval"] in frame.schemas:
        node.parts["fields"] = node.parts["fields"][1:]
        alias = frame.schemas[str(fields[1]["sval"])]
    elif len(fields) != 2 or alias not in frame.sources:
        refuse(f"{alias[:63]}.* may stand in a SELECT list, for a name in its FROM", node)
    return list(frame.sources[alias].columns)


def _sorted_by(query: Node) -> Iterator[Node]:
    for part in query.list("sortClause"):
        yield part["node"]


def _places_of_outputs(select: Node) -> Iterator[Node]:
    """What stands in GROUP BY, ORDER BY and DISTINCT ON, where a name alone may also be that of an output."""
    for item in [*_sorted_by(select), *select.list("groupClause"), *select.list("distinctClause")]:
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


def _sorts(select: Node, frame: Frame) -> int:
    """How often the rows of a SELECT may be sorted: for its clauses, and for joins."""
    clauses = ("sortClause", "groupClause", "distinctClause")
    found = sum(bool(select[part]) for part in clauses) + 2 * (
        len(frame.sources) - 1 if frame.sources else 0
    )
    windows = [
        node
        for target in select.list("targetList")
        for node in own_nodes(target)
        if node["over"] is not None
    ]
    return (
        found
        + len(select.list("windowClause"))
        + len(windows)
        + groupings(select.list("groupClause"))
        - 1
    )
