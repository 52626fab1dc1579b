"""What an expression may be made of, and how large its value may become: a rule for each kind of node."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sluice.adhoc_sql import allowlist, function_calls
from sluice.adhoc_sql.estimate import NUMBER_OF_TEXT, Value, combined
from sluice.adhoc_sql.literals import check_pattern, check_type, literal_of
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import refuse
from sluice.adhoc_sql.scope import Frames, Relation, Tables, find

Query = Callable[[Node, Tables, Frames], Relation]
SUBLINKS = ("ANY_SUBLINK", "ALL_SUBLINK", "EXISTS_SUBLINK", "EXPR_SUBLINK", "ARRAY_SUBLINK")
HASHED = 64  # bytes that a row of a hashed subquery has beside its values


@dataclass
class Totals:
    """What all queries of a statement hold in memory, each row of them counted once."""

    gathered: float = 0  # bytes of rows that aggregates make values of
    hashed: float = 0  # bytes of the largest list of IN, or of EXISTS, that is hashed
    # Rows that may be sorted, and the bytes of each: where the plan has a Sort, and in aggregates, where it shows none.
    sorts: list[tuple[float, int]] = field(default_factory=list)
    aggregate_sorts: list[tuple[float, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Expressions:
    """Checks and measures expressions within one SELECT, or within VALUES."""

    query: Query
    tables: Tables
    frames: Frames
    totals: Totals

    def within(self, frames: Frames) -> "Expressions":
        return replace(self, frames=frames)

    def value(self, node: Node) -> Value:
        """The value of a node. QueryRejected for what is not allowed, or would be too large."""
        rule = _RULES.get(node.kind)
        if rule is None:
            refuse(f"{allowlist.words(node.kind)} is not allowed here", node)
        return rule(self, node)

    def values(self, nodes: Sequence[Node]) -> list[Value]:
        return [self.value(node) for node in nodes]

    def column(self, node: Node) -> Value:
        return find(node, self.frames)

    def constant(self, node: Node) -> Value:
        return literal_of(node)

    def largest(self, node: Node) -> Value:
        """COALESCE, GREATEST, LEAST, CASE: one of several."""
        return self._one_of(self.values(node.list("args")), [], node)

    def case(self, node: Node) -> Value:
        whens = node.list("args")
        tests = self.values(
            [when["expr"] for when in whens] + ([node["arg"]] if node["arg"] else [])
        )
        results = self.values(
            [when["result"] for when in whens] + ([node["defresult"]] if node["defresult"] else [])
        )
        return self._one_of(results, tests, node)

    def _one_of(self, values: list[Value], tests: list[Value], node: Node) -> Value:
        size = max((value.size for value in values), default=1)
        text = any(value.text for value in values)
        result = combined([*values, *tests], size, text=text, node=node)
        distinct = sum(value.distinct for value in values)
        return replace(result, fixed=all(value.fixed for value in values), distinct=distinct)

    def boolean(self, node: Node) -> Value:
        parts = node.list("args") or [node["arg"]]
        return combined(self.values(parts), 5, node=node)

    def operator(self, node: Node) -> Value:
        kind, name = node["kind"], "".join(part["sval"] for part in node.list("name"))
        if kind not in allowlist.EXPRESSIONS or len(node.list("name")) != 1:
            refuse(
                f"{allowlist.words(str(kind).removeprefix('AEXPR_'))} {name} is not allowed", node
            )
        if kind in ("AEXPR_OP", "AEXPR_OP_ANY", "AEXPR_OP_ALL") and name not in allowlist.OPERATORS:
            refuse(f"the operator {name[:20]} is not allowed", node)
        if name in allowlist.REGEXES:
            check_pattern(node["rexpr"], "a regular expression", node)
        sides = [side for side in (node["lexpr"], node["rexpr"]) if side is not None]
        sides = [
            item
            for side in sides
            for item in (side.list("items") if side.kind == "List" else [side])
        ]
        values = self.values(sides)
        if name == "||":
            grown = sum(value.growth for value in values)
            return combined(
                values, sum(value.size for value in values), text=True, growth=grown, node=node
            )
        if kind == "AEXPR_OP" and name in "+-*/%^":
            return self._arithmetic(name, values, node)
        if kind == "AEXPR_NULLIF":
            return replace(
                values[0], nodes=1 + sum(v.nodes for v in values), work=sum(v.work for v in values)
            )
        own = sum(value.size for value in values)
        if (
            kind in ("AEXPR_LIKE", "AEXPR_ILIKE") or "~" in name
        ):  # compared at each place, in the worst case
            own += values[0].size * min(values[1].size, 1_000)
        return combined(values, 5, own=own, node=node)

    def _arithmetic(self, name: str, values: list[Value], node: Node) -> Value:
        """Digits: those of a product are those of both factors, and its work their product."""
        if name == "^":
            return combined(values, 25, node=node)
        left, right = values[0].size, values[-1].size
        sizes = {
            "+": max(left, right) + 1,
            "-": max(left, right) + 1,
            "*": left + right,
            "%": max(left, right),
        }
        own = left * right // 8 if name in allowlist.MULTIPLYING and len(values) > 1 else 0
        if name == "/":
            own = (left + 25) * (right + 25) // 8
        return combined(values, sizes.get(name, left + right + 25), own=own, node=node)

    def cast(self, node: Node) -> Value:
        check_type(node["typeName"])
        name = node["typeName"].list("names")[-1]["sval"]
        value = self.value(node["arg"])
        if name in allowlist.TIME_TYPES and value.text and not value.fixed:
            refuse(
                f"a text that is computed cannot be cast to {name}; to_date and to_timestamp take one",
                node,
            )
        size = allowlist.TYPES[name]
        modifiers = [modifier["value"] for modifier in node["typeName"].list("typmods")]
        if size is None:
            size = value.size
            if name == "numeric":
                size = NUMBER_OF_TEXT if value.text and not value.fixed else max(size, 350)
                size = sum(modifiers[:1]) + 3 if modifiers else size
        result = combined([value], size, text=name in allowlist.TEXT_TYPES, node=node)
        return replace(result, fixed=value.fixed, distinct=value.distinct)

    def array(self, node: Node) -> Value:
        """As text: each element is quoted, and quotes within it are doubled."""
        values = self.values(node.list("elements") or node.list("args"))
        size = sum(2 * value.size + 3 for value in values) + 2
        return combined(
            values, size, text=True, growth=sum(value.growth for value in values), node=node
        )

    def now(self, node: Node) -> Value:
        if node["op"] not in allowlist.NOW:
            refuse(f"{str(node['op']).removeprefix('SVFOP_').lower()} is not allowed", node)
        return Value(40, distinct=1)

    def call(self, node: Node) -> Value:
        return function_calls.value_of(self, node)

    def grouping(self, node: Node) -> Value:
        return combined(self.values(node.list("args")), 12, node=node)

    def named(self, node: Node) -> Value:
        return self.value(node["arg"])

    def subquery(self, node: Node) -> Value:
        """A subquery in an expression: planned again wherever the expression is put."""
        kind = node["subLinkType"]
        operators = [part["sval"] for part in node.list("operName")]
        if kind not in SUBLINKS or not set(operators) <= allowlist.OPERATORS - allowlist.REGEXES:
            refuse(f"{allowlist.words(str(kind))} {' '.join(operators)[:20]} is not allowed", node)
        tests = [node["testexpr"]] if node["testexpr"] is not None else []
        tests = [
            item
            for test in tests
            for item in (test.list("args") if test.kind == "RowExpr" else [test])
        ]
        values = self.values(tests)
        relation = self.query(node["subselect"], self.tables, self.frames)
        row = sum(value.size for _, value in relation.columns)
        nodes = Value(0, nodes=relation.nodes)
        if kind == "EXPR_SUBLINK" and relation.columns:
            result = relation.columns[0][1]
            return replace(
                combined([nodes, *values], result.size, text=result.text, node=node),
                fixed=result.fixed,
            )
        if kind == "ARRAY_SUBLINK":
            size = function_calls.gathered(self.totals, relation.rows * (2 * row + 16))
            return combined([nodes], size, text=True, node=node)
        rows = min(relation.rows, _combinations([value for _, value in relation.columns]))
        self.totals.hashed = max(self.totals.hashed, rows * (row + HASHED))
        return combined([nodes, *values], 5, own=row, node=node)


def _combinations(values: list[Value]) -> float:
    product = 1.0
    for value in values:
        product *= value.distinct
    return product


_RULES: dict[str, Callable[[Expressions, Node], Value]] = {
    "ColumnRef": Expressions.column,
    "A_Const": Expressions.constant,
    "A_Expr": Expressions.operator,
    "BoolExpr": Expressions.boolean,
    "NullTest": Expressions.boolean,
    "BooleanTest": Expressions.boolean,
    "CaseExpr": Expressions.case,
    "CoalesceExpr": Expressions.largest,
    "MinMaxExpr": Expressions.largest,
    "FuncCall": Expressions.call,
    "SubLink": Expressions.subquery,
    "TypeCast": Expressions.cast,
    "A_ArrayExpr": Expressions.array,
    "RowExpr": Expressions.array,
    "SQLValueFunction": Expressions.now,
    "GroupingFunc": Expressions.grouping,
    "NamedArgExpr": Expressions.named,
}
