"""Check function calls against the allowlist, and estimate the size of their results."""

from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.allowlist import FunctionRule
from sluice.adhoc_sql.estimate import MAX_GATHERED_BYTES, Estimate, combine, gather_error
from sluice.adhoc_sql.literals import MAX_SCALE, check_pattern, check_short, string_literal
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import reject

if TYPE_CHECKING:
    from sluice.adhoc_sql.expression import ExpressionEstimator, MemoryTotals

FORMAT_EXPANSION = 16  # characters that one character of a format may become
JSON_EXPANSION = 6  # bytes that one byte of a text may become in JSON, as in \u0001
QUOTE_EXPANSION = {"string_agg": 1, "array_agg": 2, "json_agg": JSON_EXPANSION}
GATHER_OVERHEAD = 10  # bytes for each row that an aggregate collects
LOG_WORK = 100_000  # logarithms of numeric are slow
PATTERN_WORK = 100  # for each byte that substring matches against a pattern
MAX_CHARACTER_BYTES = 4
SUBSTRING_FUNCTIONS = frozenset({"left", "right", "substr", "substring"})
# The parser makes calls of these, in pg_catalog, from special syntax such as EXTRACT. A client must
# use that syntax.
SYNTAX_ONLY = ("position", "timezone", "like_escape", "extract")


def estimate_call(expressions: "ExpressionEstimator", call: Node) -> Estimate:
    """Return the estimate of a call. Raises QueryRejected if it is not allowed."""
    name = _function_name(call)
    rule = allowlist.FUNCTIONS.get(name)
    if name == allowlist.GENERATE_SERIES:
        reject("generate_series is allowed only in FROM", call)
    if rule is None and name != "like_escape":
        reject(f"the function {name[:63]} is not allowed", call)
    rule = rule or FunctionRule("sum", text=True)
    args = call.list("args")
    _check_arguments(name, args, call)
    arguments = expressions.estimate_all(args)
    others = expressions.estimate_all(_other_operands(call))
    operands = [*arguments, *others]
    if call.list("agg_order") or call["agg_distinct"]:
        width = sum(operand.sort_width for operand in operands)
        expressions.totals.aggregate_sorts.append((_rows(expressions), width))
    if name == "substring":
        _check_substring_pattern(args, arguments, call)
    if rule.size == "gather":
        return _gather(expressions, name, rule, arguments, others, call)
    size, extra_work = _size_and_work(
        name, rule, args, operands if call["agg_within_group"] else arguments
    )
    keeps_text = rule.size == "same" and any(operand.text for operand in operands)
    return combine(
        operands,
        size,
        extra_work=extra_work,
        text=rule.text or keeps_text,
        expansion=_expansion(name, rule, args, arguments),
        node=call,
    )


def _other_operands(call: Node) -> list[Node]:
    """Return the expressions of ORDER BY, OVER and FILTER."""
    operands = [part["node"] for part in call.list("agg_order")]
    window = call["over"]
    if window:
        operands += window.list("partitionClause")
        operands += [part["node"] for part in window.list("orderClause")]
        offsets = (window["startOffset"], window["endOffset"])
        operands += [offset for offset in offsets if offset is not None]
    if call["agg_filter"]:
        operands.append(call["agg_filter"])
    return operands


def _rows(expressions: "ExpressionEstimator") -> float:
    """Return the most rows that an aggregate can process."""
    return expressions.scopes[0].rows if expressions.scopes else 1.0


def _check_substring_pattern(args: list[Node], arguments: list[Estimate], call: Node) -> None:
    for node, argument in zip(args[1:], arguments[1:], strict=True):
        if argument.text and string_literal(node) is None:
            reject("the pattern of substring must be a string literal", call)


def _expansion(
    name: str, rule: FunctionRule, args: list[Node], arguments: list[Estimate]
) -> int | None:
    """Return the length of the result, as a multiple of a column.

    None means that it is at most as long as the longest argument.
    """
    if rule.size in ("sum", "json") or name == "concat_ws":
        return sum(argument.expansion for argument in arguments)
    if name == "replace":
        return max(1, arguments[0].expansion) * _replacement_factor(args)
    return None


def _replacement_factor(args: list[Node]) -> int:
    """Return how many bytes of the new text replace one byte of the old text."""
    old, new = (len((string_literal(arg) or "").encode()) for arg in args[1:3])
    return max(1, -(-new // max(1, old)))


def _function_name(call: Node) -> str:
    names = [str(part["sval"]) for part in call.list("funcname")]
    if len(names) == 2 and names[0] == "pg_catalog" and names[1] in allowlist.GRAMMAR_FUNCTIONS:
        return names[1]
    if len(names) != 1 or names[0] in SYNTAX_ONLY:
        reject(f"the function {'.'.join(names)[:63]} is not allowed", call)
    return names[0]


def _check_arguments(name: str, args: list[Node], call: Node) -> None:
    for index in allowlist.LITERAL_ARGUMENTS.get(name, ()):
        argument = args[index] if index < len(args) else None
        if name == "timezone" and argument is not None and argument.kind == "TypeCast":
            argument = argument["arg"]  # an interval
        check_short(argument, "AT TIME ZONE" if name == "timezone" else name, call)
    if name in allowlist.ROUNDING_FUNCTIONS and len(args) > 1:
        decimals = args[1]["value"] if args[1].kind == "A_Const" else None
        if not isinstance(decimals, int) or abs(decimals) > MAX_SCALE:
            reject(f"the decimals of {name} must be a literal number up to {MAX_SCALE}", call)
    if name == "substring":
        for argument in args[1:]:
            if string_literal(argument) is not None:
                if len(args) > 2:
                    reject("substring with a SIMILAR pattern is not allowed", call)
                check_pattern(argument, "substring", call)


def _size_and_work(
    name: str, rule: FunctionRule, args: list[Node], operands: list[Estimate]
) -> tuple[int, int]:
    """Return the size of the result, and the extra work to compute it."""
    largest = max((operand.size for operand in operands), default=1)
    total = sum(operand.size for operand in operands)
    work = total
    if name in allowlist.QUADRATIC_OPERATIONS or rule.factor == 2:
        work += largest * largest // 8
    if name == "log":
        work += LOG_WORK
    if name == "substring" and len(args) > 1 and string_literal(args[1]) is not None:
        work += operands[0].size * PATTERN_WORK
    return _size(name, rule, args, operands), work


def _size(name: str, rule: FunctionRule, args: list[Node], operands: list[Estimate]) -> int:
    largest = max((operand.size for operand in operands), default=1)
    total = sum(operand.size for operand in operands)
    if rule.size == "fixed":
        return rule.number
    if rule.size == "sum":
        return total + rule.number
    if rule.size == "json":
        quoted = ((JSON_EXPANSION if o.text else 1) * o.size + 6 for o in operands)
        return sum(quoted) + 4
    if name == "replace":
        return operands[0].size * _replacement_factor(args)
    if name == "to_char":
        return len(string_literal(args[1]) or "") * FORMAT_EXPANSION + 100
    if name == "concat_ws":
        separator = operands[0].size if operands else 0
        return total + separator * len(operands)
    has_length = len(args) > 2 or name in ("left", "right")
    if name in SUBSTRING_FUNCTIONS and has_length and args and args[-1].kind == "A_Const":
        length = args[-1]["value"]
        if isinstance(length, int) and length >= 0:
            return min(operands[0].size, MAX_CHARACTER_BYTES * length)
    return largest * rule.factor + rule.number


def _gather(
    expressions: "ExpressionEstimator",
    name: str,
    rule: FunctionRule,
    arguments: list[Estimate],
    others: list[Estimate],
    call: Node,
) -> Estimate:
    """Return the estimate of an aggregate that collects all rows in one value."""
    if call["over"] is not None:
        reject(f"{name} is not allowed as a window function", call)
    quote = QUOTE_EXPANSION[name]
    row = sum(argument.size * (quote if argument.text else 1) for argument in arguments)
    size = add_gathered(expressions.totals, _rows(expressions) * (row + GATHER_OVERHEAD))
    estimate = combine([*arguments, *others], size, text=rule.text, node=call)
    return replace(estimate, work=size, gathered=True)


def add_gathered(totals: "MemoryTotals", size: float) -> int:
    """Count bytes that an aggregate collects, and return them.

    Raises QueryTooExpensive if all aggregates of the query collect too many.
    """
    totals.gathered += size
    if totals.gathered > MAX_GATHERED_BYTES:
        raise gather_error(totals.gathered)
    return int(size)
