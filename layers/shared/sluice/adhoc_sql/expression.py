"""Check expressions against the allowlist, and estimate the size of their values.

There is one rule for each node kind. A kind without a rule is rejected.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sluice.adhoc_sql import allowlist, function_calls
from sluice.adhoc_sql.estimate import DIGITS_OF_TEXT, Estimate, combine
from sluice.adhoc_sql.literals import check_pattern, check_type, estimate_literal
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import reject
from sluice.adhoc_sql.scope import Ctes, Relation, Scopes, combinations, resolve_column

# Resolves a subquery; see query.py.
ResolveQuery = Callable[[Node, Ctes, Scopes], Relation]
SUBLINKS = ("ANY_SUBLINK", "ALL_SUBLINK", "EXISTS_SUBLINK", "EXPR_SUBLINK", "ARRAY_SUBLINK")
HASH_OVERHEAD = 64  # bytes of a row of a hashed subquery, besides its values
MAX_PATTERN_POSITIONS = 1_000  # the bytes of a pattern that count for the work of LIKE
BOOLEAN_BYTES = 5
DOUBLE_BYTES = 25
QUOTIENT_DIGITS = 25  # digits that a division adds
NUMERIC_BYTES = 350  # of any value that is not text, after a cast to numeric


@dataclass
class MemoryTotals:
    """The bytes that all parts of a query may hold in memory."""

    gathered: float = 0  # rows that aggregates collect
    hashed: float = 0  # the largest subquery of IN, ANY, ALL or EXISTS, which may be hashed
    # For each sort, the rows and the width of a row. Sorts in aggregates are separate, because a
    # plan does not show them.
    sorts: list[tuple[float, int]] = field(default_factory=list)
    aggregate_sorts: list[tuple[float, int]] = field(default_factory=list)


@dataclass(frozen=True)
class ExpressionEstimator:
    """Checks and estimates the expressions of one SELECT or VALUES."""

    query: ResolveQuery
    ctes: Ctes
    scopes: Scopes
    totals: MemoryTotals

    def within(self, scopes: Scopes) -> "ExpressionEstimator":
        """Return an estimator that resolves names in other scopes."""
        return replace(self, scopes=scopes)

    def estimate(self, node: Node) -> Estimate:
        """Return the estimate of an expression.

        Raises QueryRejected if it is not allowed, or if its value could be too large.
        """
        rule = _RULES.get(node.kind)
        if rule is None:
            reject(f"{allowlist.describe(node.kind)} is not allowed here", node)
        return rule(self, node)

    def estimate_all(self, nodes: Sequence[Node]) -> list[Estimate]:
        """Return the estimates of several expressions."""
        return [self.estimate(node) for node in nodes]

    def column(self, node: Node) -> Estimate:
        """Estimate a column reference."""
        return resolve_column(node, self.scopes)

    def constant(self, node: Node) -> Estimate:
        """Estimate a literal."""
        return estimate_literal(node)

    def largest(self, node: Node) -> Estimate:
        """Estimate COALESCE, GREATEST and LEAST."""
        return self._one_of(self.estimate_all(node.list("args")), [], node)

    def case(self, node: Node) -> Estimate:
        """Estimate CASE."""
        whens = node.list("args")
        tests = [when["expr"] for when in whens]
        if node["arg"]:
            tests.append(node["arg"])
        results = [when["result"] for when in whens]
        if node["defresult"]:
            results.append(node["defresult"])
        test_estimates = self.estimate_all(tests)
        return self._one_of(self.estimate_all(results), test_estimates, node)

    def _one_of(self, results: list[Estimate], tests: list[Estimate], node: Node) -> Estimate:
        """Estimate a value that is one of `results`."""
        size = max((result.size for result in results), default=1)
        text = any(result.text for result in results)
        estimate = combine([*results, *tests], size, text=text, node=node)
        return replace(
            estimate,
            literal=all(result.literal for result in results),
            distinct=sum(result.distinct for result in results),
        )

    def boolean(self, node: Node) -> Estimate:
        """Estimate AND, OR, NOT, and the tests of null and truth values."""
        operands = node.list("args") or [node["arg"]]
        return combine(self.estimate_all(operands), BOOLEAN_BYTES, node=node)

    def operator(self, node: Node) -> Estimate:
        """Estimate an operator, IN, BETWEEN, LIKE or NULLIF."""
        kind, name = node["kind"], "".join(part["sval"] for part in node.list("name"))
        if kind not in allowlist.OPERATOR_KINDS or len(node.list("name")) != 1:
            words = allowlist.describe(str(kind).removeprefix("AEXPR_"))
            reject(f"{words} {name} is not allowed", node)
        if kind in ("AEXPR_OP", "AEXPR_OP_ANY", "AEXPR_OP_ALL") and name not in allowlist.OPERATORS:
            reject(f"the operator {name[:20]} is not allowed", node)
        if name in allowlist.REGEX_OPERATORS:
            check_pattern(node["rexpr"], "a regular expression", node)
        operands = self.estimate_all(_operands(node))
        if name == "||":
            return combine(
                operands,
                sum(operand.size for operand in operands),
                text=True,
                expansion=sum(operand.expansion for operand in operands),
                node=node,
            )
        if kind == "AEXPR_OP" and name in "+-*/%^":
            return self._arithmetic(name, operands, node)
        if kind == "AEXPR_NULLIF":
            return replace(
                operands[0],
                nodes=1 + sum(operand.nodes for operand in operands),
                work=sum(operand.work for operand in operands),
            )
        work = sum(operand.size for operand in operands)
        if kind in ("AEXPR_LIKE", "AEXPR_ILIKE") or "~" in name:
            # In the worst case, the pattern is compared at each position of the text.
            text, pattern = operands[0], operands[1]
            work += text.size * min(pattern.size, MAX_PATTERN_POSITIONS)
        return combine(operands, BOOLEAN_BYTES, extra_work=work, node=node)

    def _arithmetic(self, name: str, operands: list[Estimate], node: Node) -> Estimate:
        """Estimate arithmetic. For `*`, digits are added up, and multiplied for the work."""
        if name == "^":
            return combine(operands, DOUBLE_BYTES, node=node)
        left, right = operands[0].size, operands[-1].size
        sizes = {
            "+": max(left, right) + 1,
            "-": max(left, right) + 1,
            "*": left + right,
            "/": left + right + QUOTIENT_DIGITS,
            "%": max(left, right),
        }
        work = 0
        if name in allowlist.QUADRATIC_OPERATIONS and len(operands) > 1:
            work = left * right // 8
        if name == "/":
            work = (left + QUOTIENT_DIGITS) * (right + QUOTIENT_DIGITS) // 8
        return combine(operands, sizes[name], extra_work=work, node=node)

    def cast(self, node: Node) -> Estimate:
        """Estimate a cast."""
        check_type(node["typeName"])
        name = node["typeName"].list("names")[-1]["sval"]
        operand = self.estimate(node["arg"])
        is_computed_text = operand.text and not operand.literal
        if name in allowlist.TIME_TYPES and is_computed_text:
            reject(f"a computed text cannot be cast to {name}; use to_date or to_timestamp", node)
        size = allowlist.TYPES[name]
        if name == "numeric":
            size = DIGITS_OF_TEXT if is_computed_text else max(operand.size, NUMERIC_BYTES)
            modifiers = [modifier["value"] for modifier in node["typeName"].list("typmods")]
            if modifiers:
                size = modifiers[0] + 3
        elif size is None:
            size = operand.size
        estimate = combine([operand], size, text=name in allowlist.TEXT_TYPES, node=node)
        return replace(estimate, literal=operand.literal, distinct=operand.distinct)

    def array(self, node: Node) -> Estimate:
        """Estimate an array or a row as text: elements are quoted, and quotes are doubled."""
        operands = self.estimate_all(node.list("elements") or node.list("args"))
        size = sum(2 * operand.size + 3 for operand in operands) + 2
        expansion = sum(operand.expansion for operand in operands)
        return combine(operands, size, text=True, expansion=expansion, node=node)

    def current_time(self, node: Node) -> Estimate:
        """Estimate CURRENT_DATE and CURRENT_TIMESTAMP."""
        if node["op"] not in allowlist.CURRENT_TIME:
            reject(f"{str(node['op']).removeprefix('SVFOP_').lower()} is not allowed", node)
        return Estimate(40, distinct=1)

    def call(self, node: Node) -> Estimate:
        """Estimate a function call; see function_calls.py."""
        return function_calls.estimate_call(self, node)

    def grouping(self, node: Node) -> Estimate:
        """Estimate GROUPING."""
        return combine(self.estimate_all(node.list("args")), 12, node=node)

    def named_argument(self, node: Node) -> Estimate:
        """Estimate `name => value`."""
        return self.estimate(node["arg"])

    def subquery(self, node: Node) -> Estimate:
        """Estimate a subquery. PostgreSQL plans each copy of the expression that contains it."""
        kind = node["subLinkType"]
        operators = [part["sval"] for part in node.list("operName")]
        if kind not in SUBLINKS or not set(operators) <= (
            allowlist.OPERATORS - allowlist.REGEX_OPERATORS
        ):
            words = f"{allowlist.describe(str(kind))} {' '.join(operators)[:20]}"
            reject(f"{words} is not allowed", node)
        tests = self.estimate_all(_test_operands(node))
        relation = self.query(node["subselect"], self.ctes, self.scopes)
        row = sum(estimate.size for _, estimate in relation.columns)
        nodes = Estimate(0, nodes=relation.nodes)
        if kind == "EXPR_SUBLINK" and relation.columns:
            column = relation.columns[0][1]
            estimate = combine([nodes, *tests], column.size, text=column.text, node=node)
            return replace(estimate, literal=column.literal)
        if kind == "ARRAY_SUBLINK":
            size = function_calls.add_gathered(self.totals, relation.rows * (2 * row + 16))
            return combine([nodes], size, text=True, node=node)
        rows = min(relation.rows, combinations(relation.columns))
        self.totals.hashed = max(self.totals.hashed, rows * (row + HASH_OVERHEAD))
        return combine([nodes, *tests], BOOLEAN_BYTES, extra_work=row, node=node)


def _operands(operation: Node) -> list[Node]:
    """Return the operands of an operator, and each item of a list of IN or BETWEEN."""
    operands: list[Node] = []
    for side in (operation["lexpr"], operation["rexpr"]):
        if side is not None:
            operands += side.list("items") if side.kind == "List" else [side]
    return operands


def _test_operands(sublink: Node) -> list[Node]:
    """Return the expressions that are compared with the subquery: none, one, or those of a row."""
    test = sublink["testexpr"]
    if test is None:
        return []
    return test.list("args") if test.kind == "RowExpr" else [test]


_RULES: dict[str, Callable[[ExpressionEstimator, Node], Estimate]] = {
    "ColumnRef": ExpressionEstimator.column,
    "A_Const": ExpressionEstimator.constant,
    "A_Expr": ExpressionEstimator.operator,
    "BoolExpr": ExpressionEstimator.boolean,
    "NullTest": ExpressionEstimator.boolean,
    "BooleanTest": ExpressionEstimator.boolean,
    "CaseExpr": ExpressionEstimator.case,
    "CoalesceExpr": ExpressionEstimator.largest,
    "MinMaxExpr": ExpressionEstimator.largest,
    "FuncCall": ExpressionEstimator.call,
    "SubLink": ExpressionEstimator.subquery,
    "TypeCast": ExpressionEstimator.cast,
    "A_ArrayExpr": ExpressionEstimator.array,
    "RowExpr": ExpressionEstimator.array,
    "SQLValueFunction": ExpressionEstimator.current_time,
    "GroupingFunc": ExpressionEstimator.grouping,
    "NamedArgExpr": ExpressionEstimator.named_argument,
}
