"""How many rows does a generate_series give? It must be seen in the statement itself, before anybody counts them out.

PostgreSQL makes all of a series before anything is made of it, and where its bounds come from a subquery estimates a
thousand rows. So they are constants, of which a rough reading will do: months are short, and now() is now.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlglot import exp

from sluice.analyst.refusal import refuse

MOST_ROWS = 10_000
FORM = "generate_series takes constant numbers or times: literals, now(), current_date, and intervals beside them"

UNITS = {
    "second": timedelta(seconds=1), "sec": timedelta(seconds=1), "minute": timedelta(minutes=1),
    "min": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7),
    "month": timedelta(days=28), "mon": timedelta(days=28), "quarter": timedelta(days=89), "year": timedelta(days=365),
}  # fmt: skip
NOW = (exp.CurrentDate, exp.CurrentTimestamp)


def check_series(call: exp.Expr) -> None:
    """QueryRefused unless the series is one of constants, of at most MOST_ROWS."""
    if len(call.expressions) not in (2, 3):
        refuse(FORM, call)
    try:
        first, last, *steps = map(_value, call.expressions)
        step = steps[0] if steps else Decimal(1)
        length = abs((last - first) / (_interval(step, call) if isinstance(step, str) else step)) + 1
    except (TypeError, ArithmeticError):  # a time by a number, a step of nothing, years beyond all calendars
        refuse(FORM, call)
    if not length <= MOST_ROWS:
        refuse(f"generate_series gives {int(length):,} rows here; {MOST_ROWS:,} are the most", call)


def _value(node: exp.Expr) -> Any:
    """What a constant is: a Decimal, a datetime, a timedelta; a string that is no time stays one."""
    if isinstance(node, NOW) or (isinstance(node, exp.Anonymous) and node.name.lower() == "now"):
        return datetime.now(UTC).replace(tzinfo=None)
    if isinstance(node, exp.Literal):
        return _time(node.this) if node.is_string else Decimal(node.this)
    if isinstance(node, exp.Cast) and node.to.sql().upper() == "INTERVAL":
        return _interval(node.this.name, node)
    if isinstance(node, (exp.Paren, exp.Cast)):
        return _value(node.this)
    if isinstance(node, exp.Interval):
        unit = node.args.get("unit")
        return _interval(f"{node.this.name} {unit.name if unit else ''}", node)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "date_trunc" and len(node.expressions) == 2:
        return _truncated(node.expressions[0].name.lower(), _value(node.expressions[1]), node)
    if isinstance(node, exp.Neg):
        return -_value(node.this)
    if not isinstance(node, (exp.Add, exp.Sub)):
        refuse(FORM, node)
    left, right = _value(node.this), _value(node.expression)
    if isinstance(left, datetime) and isinstance(right, Decimal):  # a date and a number of days
        right = timedelta(days=int(right))
    return left + right if isinstance(node, exp.Add) else left - right


def _truncated(unit: str, time: Any, node: exp.Expr) -> datetime:
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


def _interval(text: str, node: exp.Expr) -> timedelta:
    """`1 day`, `-2 weeks 3 hours`: numbers and their units."""
    parts = re.findall(r"\s*([+-]?\d{1,6})\s*([a-z]+?)s?(?=[\s\d+-]|$)", text.lower(), re.ASCII)
    spelled = "".join(number + unit for number, unit in parts)
    written = re.sub(r"s(?=[\s\d+-]|$)|\s", "", text.lower())
    if not parts or spelled != written or any(unit not in UNITS for _, unit in parts):
        refuse(FORM, node)
    return sum((int(number) * UNITS[unit] for number, unit in parts), timedelta())
