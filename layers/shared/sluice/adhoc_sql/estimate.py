"""How much a value of an expression may be, before PostgreSQL is asked: its size, its work, its nodes.

PostgreSQL puts the expression of a subquery's column in place of each use of its name. So a column weighs what its
expression weighs, through all levels; a level that names the one below twice doubles it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf

from sluice.adhoc_sql.rejection import Placed, refuse
from sluice.errors import QueryTooExpensive

MAX_NODES = (
    20_000  # of a statement, every name replaced by what it stands for: some 20 MB in the planner
)
MAX_GROWTH = 64  # times as long as a column's text may a text become that is made of it
MAX_WORK = 32_000_000  # bytes that the values of one row may take, intermediate ones too: nothing interrupts a row
MAX_VALUE = 16_000_000  # bytes of one value
MAX_ROW = 8_000_000  # bytes of a row: sorts and joins hold several
MAX_GATHERED = 16_000_000  # bytes of rows that aggregates make values of
NUMBER_OF_TEXT = 150_000  # digits that a computed text may have as a number
EXPONENT = re.compile(r"\s*[+-]?[\d_]*\.?[\d_]*e([+-]?\d{1,6})\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Value:
    """`size` is of its text, in bytes; `nodes` and `work` are of its whole expression, names replaced."""

    size: int
    nodes: int = 1
    work: int = 0
    text: bool = False
    fixed: bool = False  # one of those texts that are written in the statement
    distinct: float = inf  # how many values it has at most
    growth: int = 1  # how many times as long as a column's text it may be
    reads: int = 0  # bytes of the columns that it is made of, as rows have them
    gathers: bool = False  # made by an aggregate of this SELECT of all its rows: what all groups have is bounded

    def once(self) -> "Value":
        """As a column of rows that PostgreSQL has kept: read, not computed."""
        return replace(self, nodes=1, work=0, reads=self.kept, gathers=False)

    @property
    def kept(self) -> int:
        """Its bytes in a row that is sorted: itself, or what it is made of."""
        return max(self.reads, self.size) if self.nodes > 1 or not self.reads else self.reads


def combined(
    values: Iterable[Value],
    size: int,
    *,
    own: int = 0,
    text: bool = False,
    growth: int | None = None,
    node: Placed,
) -> Value:
    """The value of an expression over `values`; `own` is its work beyond the making of its result."""
    of = tuple(values)
    result = Value(
        size,
        nodes=1 + sum(value.nodes for value in of),
        work=size + own + sum(value.work for value in of),
        text=text,
        growth=max((value.growth for value in of), default=0) if growth is None else growth,
        reads=sum(value.reads for value in of),
        gathers=any(value.gathers for value in of),
    )
    check_value(result, node)
    return result


def check_value(value: Value, node: Placed) -> None:
    """QueryRejected for a value that would be too large, too much work, or too long an expression."""
    if value.nodes > MAX_NODES:
        refuse(
            f"with every name replaced by what it stands for it has more than {MAX_NODES:,} parts",
            node,
        )
    if value.growth > MAX_GROWTH:
        refuse(f"a text in it could grow {value.growth:,}-fold; {MAX_GROWTH} is the most", node)
    if value.size > MAX_VALUE:
        refuse(
            f"a value in it could have {value.size:,} bytes or digits; {MAX_VALUE:,} are the most",
            node,
        )
    if value.work > MAX_WORK:
        refuse(
            f"one row of it could be the work of {value.work:,} bytes; {MAX_WORK:,} are the most",
            node,
        )


def of_text(text: str) -> Value:
    """The value of a string that is written out. PostgreSQL may take it for a number, '1e9999' for a long one."""
    found = EXPONENT.fullmatch(text)
    digits = abs(int(found[1])) if found else 0
    return Value(len(text.encode()) + digits, text=True, fixed=True, distinct=1, growth=0)


def too_many_rows(bytes_: float) -> QueryTooExpensive:
    """What to raise for an aggregate, or a list of IN, that would hold too much in memory at once."""
    return QueryTooExpensive(
        f"It would gather up to {bytes_:,.0f} bytes in memory; {MAX_GATHERED:,} are the most. "
        "Fewer rows, by LIMIT in a subquery, or shorter values make it less"
    )
