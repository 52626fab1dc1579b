"""How many rows does a generate_series give? It must be seen in the statement itself, before anybody counts them out.

PostgreSQL makes all of a series before anything is made of it, and where its bounds come from a subquery estimates a
thousand rows. So they are constants, of which a rough reading will do: months are short, and now() is now.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sluice.adhoc_sql.parser import Node, Number
from sluice.adhoc_sql.rejection import refuse

MOST_ROWS = 10_000
LONGEST = 100  # characters of an interval
FORM = "generate_series takes constant numbers or times: literals, now(), current_date, and intervals beside them"

UNITS = {
    "second": timedelta(seconds=1), "sec": timedelta(seconds=1), "minute": timedelta(minutes=1),
    "min": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7),
    "month": timedelta(days=28), "mon": timedelta(days=28), "quarter": timedelta(days=89), "year": timedelta(days=365),
}  # fmt: skip
PART = re.compile(r"([+-]?\d{1,6})([a-z]*)", re.ASCII)
FIELDS = {
    4: "year",
    2: "month",
    8: "day",
    1024: "hour",
    2048: "minute",
    4096: "second",
}  # interval '1' day


def check_series(call: Node) -> int:
    """How many rows it has. QueryRejected unless the series is one of constants, of at most MOST_ROWS."""
    if len(call.list("args")) not in (2, 3):
        refuse(FORM, call)
    try:
        first, last, *steps = map(_value, call.list("args"))
        step = steps[0] if steps else Decimal(1)
        length = (
            abs((last - first) / (_interval(step, "", call) if isinstance(step, str) else step)) + 1
        )
    except (
        TypeError,
        ArithmeticError,
    ):  # a time by a number, a step of nothing, years beyond all calendars
        refuse(FORM, call)
    if not length <= MOST_ROWS:
        refuse(f"generate_series gives {int(length):,} rows here; {MOST_ROWS:,} are the most", call)
    return int(length) + 1


def _value(node: Node) -> Any:
    """What a constant is: a Decimal, a datetime, a timedelta; a string that is no time stays one."""
    if node.kind == "SQLValueFunction" or (node.kind == "FuncCall" and _name(node) == "now"):
        return datetime.now(UTC).replace(tzinfo=None)
    if node.kind == "A_Const":
        return _constant(node)
    if node.kind == "TypeCast":
        return _cast(node)
    if node.kind == "FuncCall" and _name(node) == "date_trunc" and len(node.list("args")) == 2:
        unit, time = node.list("args")
        return _truncated(str(unit["value"]).lower(), _value(time), node)
    if node.kind != "A_Expr" or node["kind"] != "AEXPR_OP" or _operator(node) not in ("+", "-"):
        refuse(FORM, node)
    right = _value(node["rexpr"])
    if node["lexpr"] is None:
        return right if _operator(node) == "+" else -right
    left = _value(node["lexpr"])
    if isinstance(left, datetime) and isinstance(right, Decimal):  # a date and a number of days
        right = timedelta(days=int(right))
    return left + right if _operator(node) == "+" else left - right


def _name(call: Node) -> str:
    return str(call.list("funcname")[-1]["sval"])


def _operator(node: Node) -> str:
    return str(node.list("name")[-1]["sval"])


def _constant(node: Node) -> Any:
    value = node["value"]
    if isinstance(value, bool) or value is None:
        refuse(FORM, node)
    return Decimal(value) if isinstance(value, (int, Number)) else _time(str(value))


def _cast(node: Node) -> Any:
    type_, inner = node["typeName"], node["arg"]
    if type_.list("names")[-1]["sval"] != "interval":
        return _value(inner)
    if inner.kind != "A_Const" or not isinstance(inner["value"], str):
        refuse(FORM, node)
    fields = [modifier["value"] for modifier in type_.list("typmods")]
    return _interval(inner["value"], FIELDS.get(fields[0], "") if fields else "", node)


def _truncated(unit: str, time: Any, node: Node) -> datetime:
    """As date_trunc does it; TypeError where it is no time."""
    if not isinstance(time, datetime):
        raise TypeError(time)
    hour = time.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    first = day.replace(day=1)
    starts = {
        "hour": hour,
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": first,
        "quarter": first.replace(month=first.month - (first.month - 1) % 3),
        "year": first.replace(month=1),
    }
    if unit not in starts:
        refuse(FORM, node)
    return starts[unit]


def _time(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return text


def _interval(text: str, unit: str, node: Node) -> timedelta:
    """`1 day`, `-2 weeks 3 hours`: numbers and their units. A number alone is of `unit`."""
    if len(text) > LONGEST:
        refuse(FORM, node)
    words, length, at = text.lower().split(), timedelta(), 0
    while at < len(words):
        found = PART.fullmatch(words[at])
        if found is None:
            refuse(FORM, node)
        number, name = found.groups()
        if not name and at + 1 < len(words):
            at += 1
            name = words[at]
        known = UNITS.get(name.removesuffix("s") or unit)
        if known is None:
            refuse(FORM, node)
        length += int(number) * known
        at += 1
    if not words:
        refuse(FORM, node)
    return length
