"""Calls of functions: which may be called, with what, and how large what they give may be."""

from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.allowlist import Rule
from sluice.adhoc_sql.estimate import MAX_GATHERED, Value, combined, too_many_rows
from sluice.adhoc_sql.literals import MAX_SCALE, check_pattern, check_short, text_of
from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.rejection import refuse

if TYPE_CHECKING:
    from sluice.adhoc_sql.expression import Expressions, Totals

FORMATTED = 16  # characters that one of a format may become
JSON_QUOTED = 6  # bytes that one of a text may become: \u0001
QUOTED = {"string_agg": 1, "array_agg": 2, "json_agg": JSON_QUOTED}
BESIDE = 10  # bytes of each value that is gathered, beside the value
PART_OF = frozenset({"left", "right", "substr", "substring"})


def value_of(expressions: "Expressions", call: Node) -> Value:
    """The value of a call. QueryRejected where it is not allowed."""
    name = _name(call)
    rule = allowlist.FUNCTIONS.get(name)
    if name == allowlist.SERIES:
        refuse("generate_series may stand in FROM alone", call)
    if rule is None and name != "like_escape":
        refuse(f"the function {name[:63]} is not allowed", call)
    rule = rule or Rule("sum", text=True)
    args = call.list("args")
    _check_arguments(name, args, call)
    order = [part["node"] for part in call.list("agg_order")]
    over = call["over"]
    windows = (
        [*over.list("partitionClause"), *(part["node"] for part in over.list("orderClause"))]
        if over
        else []
    )
    bounds = (
        [bound for bound in (over["startOffset"], over["endOffset"]) if bound is not None]
        if over
        else []
    )
    others = [*order, *windows, *bounds, *([call["agg_filter"]] if call["agg_filter"] else [])]
    values, beside = expressions.values(args), expressions.values(others)
    if order or call["agg_distinct"]:
        rows = expressions.frames[0].rows if expressions.frames else 1.0
        expressions.totals.aggregate_sorts.append(
            (rows, sum(value.kept for value in [*values, *beside]))
        )
    if name == "substring" and any(
        v.text and text_of(a) is None for a, v in zip(args[1:], values[1:], strict=True)
    ):
        refuse("the pattern of substring is written out", call)
    if rule.size == "gather":
        return _gathered(expressions, rule, values, beside, call)
    size, own = _size(
        name, rule, args, values if not call["agg_within_group"] else [*values, *beside]
    )
    text = rule.text or _keeps_text(rule, values, beside)
    return combined(
        [*values, *beside],
        size,
        own=own,
        text=text,
        growth=_growth(name, rule, args, values),
        node=call,
    )


def _growth(name: str, rule: Rule, args: list[Node], values: list[Value]) -> int | None:
    """How many times longer than a column a text becomes; None: no more than the longest that it is made of."""
    if rule.size in ("sum", "json") or name == "concat_ws":
        return sum(value.growth for value in values)
    if name == "replace":
        return max(1, values[0].growth) * _replaced(args)
    return None


def _replaced(args: list[Node]) -> int:
    """How many bytes take the place of one."""
    found, put = (len((text_of(arg) or "").encode()) for arg in args[1:3])
    return max(1, -(-put // max(1, found)))


def _keeps_text(rule: Rule, values: list[Value], beside: list[Value]) -> bool:
    return rule.size == "same" and any(value.text for value in [*values, *beside])


def _name(call: Node) -> str:
    names = [str(part["sval"]) for part in call.list("funcname")]
    if len(names) == 2 and names[0] == "pg_catalog" and names[1] in allowlist.OF_GRAMMAR:
        return names[1]
    if len(names) != 1:
        refuse(f"the function {'.'.join(names)[:63]} is not allowed", call)
    if names[0] in ("position", "timezone", "like_escape", "extract"):
        refuse(f"the function {names[0]} is not allowed", call)
    return names[0]


def _check_arguments(name: str, args: list[Node], call: Node) -> None:
    for place in allowlist.LITERAL_ARGUMENTS.get(name, ()):
        argument = args[place] if place < len(args) else None
        if name == "timezone" and argument is not None and argument.kind == "TypeCast":
            argument = argument["arg"]  # an interval
        check_short(argument, "AT TIME ZONE" if name == "timezone" else name, call)
    if name in allowlist.ROUNDING and len(args) > 1:
        decimals = args[1]["value"] if args[1].kind == "A_Const" else None
        if not isinstance(decimals, int) or abs(decimals) > MAX_SCALE:
            refuse(f"{name} takes a number of decimals up to {MAX_SCALE}, written out", call)
    if name == "substring":
        for argument in args[1:]:
            if text_of(argument) is not None:
                if len(args) > 2:
                    refuse("substring with the pattern of SIMILAR is not allowed", call)
                check_pattern(argument, "substring", call)


def _size(name: str, rule: Rule, args: list[Node], values: list[Value]) -> tuple[int, int]:
    """The size of what a function gives, and its work beyond making that."""
    largest = max((value.size for value in values), default=1)
    every = sum(value.size for value in values)
    own = every
    if name in allowlist.MULTIPLYING or rule.factor == 2:
        own += largest * largest // 8
    if name == "log":
        own += 100_000  # logarithms of numeric are slow
    if name == "substring" and len(args) > 1 and text_of(args[1]) is not None:
        own += values[0].size * 100
    if rule.size == "fixed":
        return rule.number, own
    if rule.size == "sum":
        return every + rule.number, own
    if rule.size == "json":
        return sum((JSON_QUOTED if value.text else 1) * value.size + 6 for value in values) + 4, own
    if name == "replace":
        return values[0].size * _replaced(args), own
    if name == "to_char":
        return len(text_of(args[1]) or "") * FORMATTED + 100, own
    if name == "concat_ws":
        return every + values[0].size * len(values), own
    length = args[-1]["value"] if name in PART_OF and args and args[-1].kind == "A_Const" else None
    if isinstance(length, int) and length >= 0 and (len(args) > 2 or name in ("left", "right")):
        return min(values[0].size, 4 * length), own  # characters
    return largest * rule.factor + rule.number, own


def _gathered(
    expressions: "Expressions", rule: Rule, values: list[Value], beside: list[Value], call: Node
) -> Value:
    name = _name(call)
    if call["over"] is not None:
        refuse(f"{name} may not be a window function", call)
    row = sum(value.size * (QUOTED[name] if value.text else 1) for value in values) + BESIDE
    rows = expressions.frames[0].rows if expressions.frames else 1.0
    size = gathered(expressions.totals, rows * row)
    return replace(
        combined([*values, *beside], size, text=rule.text, node=call), work=size, gathers=True
    )


def gathered(totals: "Totals", size: float) -> int:
    """The bytes that an aggregate gathers at most. QueryTooExpensive where all of the statement gather too many."""
    totals.gathered += size
    if totals.gathered > MAX_GATHERED:
        raise too_many_rows(totals.gathered)
    return int(size)
