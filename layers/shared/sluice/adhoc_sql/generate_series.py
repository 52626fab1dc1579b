"""Count the rows of generate_series before PostgreSQL runs it.

PostgreSQL produces a whole series before it processes any row. If the bounds come from a subquery,
it estimates 1,000 rows. So the bounds must be constants. The count is approximate: a month counts
as 28 days, and now() is the clock of this process.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sluice.adhoc_sql.parser import Node, Number
from sluice.adhoc_sql.rejection import reject

MAX_ROWS = 10_000
MAX_INTERVAL_LENGTH = 100  # characters
USAGE = (
    "the arguments of generate_series must be constant numbers or times:"
    " literals, now(), current_date, and intervals added to them"
)

UNITS = {
    "second": timedelta(seconds=1),
    "sec": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=28),
    "mon": timedelta(days=28),
    "quarter": timedelta(days=89),
    "year": timedelta(days=365),
}
QUANTITY = re.compile(r"([+-]?\d{1,6})([a-z]*)", re.ASCII)
# PostgreSQL's bits for the field of an interval type, as in `interval '1' day`.
INTERVAL_FIELDS = {
    4: "year",
    2: "month",
    8: "day",
    1024: "hour",
    2048: "minute",
    4096: "second",
}


def count_rows(call: Node) -> int:
    """Return the highest number of rows of a series.

    Raises QueryRejected if its arguments are not constants, or if it has more than MAX_ROWS.
    """
    if len(call.list("args")) not in (2, 3):
        reject(USAGE, call)
    try:
        first, last, *steps = map(_value, call.list("args"))
        step = steps[0] if steps else Decimal(1)
        if isinstance(step, str):
            step = _interval(step, "", call)
        steps_between = abs((last - first) / step)
        rows = steps_between + 1
    except (TypeError, ArithmeticError):
        # For example a time minus a number, a step of zero, or a year outside of the calendar.
        reject(USAGE, call)
    if not rows <= MAX_ROWS:
        reject(f"generate_series returns {int(rows):,} rows; the limit is {MAX_ROWS:,}", call)
    return int(rows) + 1


def _value(node: Node) -> Any:
    """Return a Decimal, a datetime, a timedelta, or a string that is not a time."""
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
        reject(USAGE, node)
    return _sum(node)


def _sum(node: Node) -> Any:
    operator = _operator(node)
    right = _value(node["rexpr"])
    if node["lexpr"] is None:
        return right if operator == "+" else -right
    left = _value(node["lexpr"])
    if isinstance(left, datetime) and isinstance(right, Decimal):  # a date and a number of days
        right = timedelta(days=int(right))
    return left + right if operator == "+" else left - right


def _name(call: Node) -> str:
    return str(call.list("funcname")[-1]["sval"])


def _operator(node: Node) -> str:
    return str(node.list("name")[-1]["sval"])


def _constant(node: Node) -> Any:
    value = node["value"]
    if isinstance(value, bool) or value is None:
        reject(USAGE, node)
    return Decimal(value) if isinstance(value, (int, Number)) else _time(str(value))


def _cast(node: Node) -> Any:
    type_, operand = node["typeName"], node["arg"]
    if type_.list("names")[-1]["sval"] != "interval":
        return _value(operand)
    if operand.kind != "A_Const" or not isinstance(operand["value"], str):
        reject(USAGE, node)
    fields = [modifier["value"] for modifier in type_.list("typmods")]
    unit = INTERVAL_FIELDS.get(fields[0], "") if fields else ""
    return _interval(operand["value"], unit, node)


def _truncated(unit: str, time: Any, node: Node) -> datetime:
    """Truncate as date_trunc does. Raises TypeError if `time` is not a time."""
    if not isinstance(time, datetime):
        raise TypeError(time)
    hour = time.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    month = day.replace(day=1)
    starts = {
        "hour": hour,
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": month,
        "quarter": month.replace(month=month.month - (month.month - 1) % 3),
        "year": month.replace(month=1),
    }
    if unit not in starts:
        reject(USAGE, node)
    return starts[unit]


def _time(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return text


def _interval(text: str, default_unit: str, node: Node) -> timedelta:
    """Parse `1 day` or `-2 weeks 3 hours`; a number alone has the default unit."""
    if len(text) > MAX_INTERVAL_LENGTH:
        reject(USAGE, node)
    words = iter(text.lower().split())
    interval, empty = timedelta(), True
    for word in words:
        empty = False
        interval += _quantity(word, words, default_unit, node)
    if empty:
        reject(USAGE, node)
    return interval


def _quantity(word: str, rest: Iterator[str], default_unit: str, node: Node) -> timedelta:
    """Return one number with its unit, which is in the same word or in the next one."""
    found = QUANTITY.fullmatch(word)
    if found is None:
        reject(USAGE, node)
    number, unit = found.groups()
    if not unit:
        unit = next(rest, "")
    length = UNITS.get(unit.removesuffix("s") or default_unit)
    if length is None:
        reject(USAGE, node)
    return int(number) * length
