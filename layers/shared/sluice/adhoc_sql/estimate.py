"""Upper bounds for the size and the work of a value, computed before PostgreSQL plans the query.

PostgreSQL replaces the name of a subquery's column by the column's expression, at each use. So a
column counts as much as its expression, at all levels of nesting. If a query uses a column of its
subquery twice, the expression counts twice, so each level can double it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from sluice.adhoc_sql.rejection import reject
from sluice.errors import QueryTooExpensive

if TYPE_CHECKING:
    from sluice.adhoc_sql.parser import Node

# Nodes of all expressions of a query, after names are replaced. The planner needs about 20 MB for
# them.
MAX_NODES = 20_000
MAX_EXPANSION = 64  # the length of a text, as a multiple of the columns it is made of
# Bytes of all values of one row, intermediate ones included. PostgreSQL cannot be interrupted
# while it computes a row.
MAX_WORK = 32_000_000
MAX_VALUE_BYTES = 16_000_000
MAX_ROW_BYTES = 8_000_000  # sorts and joins hold several rows
MAX_GATHERED_BYTES = 16_000_000  # of all rows that aggregates collect in one value
DIGITS_OF_TEXT = 150_000  # the digits of a number that is cast from a computed text
EXPONENT = re.compile(r"\s*[+-]?[\d_]*\.?[\d_]*e([+-]?\d{1,6})\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Upper bounds for one value. `nodes` and `work` are those of its whole expression."""

    size: int  # bytes of its text
    nodes: int = 1  # of the expression, after names are replaced
    work: int = 0  # bytes of the value and of all intermediate values
    text: bool = False
    literal: bool = False  # a constant, or one of several constants
    distinct: float = inf  # the highest number of distinct values
    expansion: int = 1  # the length of the text, as a multiple of a column
    stored_bytes: int = 0  # of the columns that the value is made of, in stored rows
    # The value of an aggregate that collects rows. Its limit is for the sum over all groups.
    gathered: bool = False

    def materialized(self) -> "Estimate":
        """Return the estimate of reading this value from rows that PostgreSQL has stored."""
        return replace(self, nodes=1, work=0, stored_bytes=self.sort_width, gathered=False)

    @property
    def sort_width(self) -> int:
        """The bytes that the value takes in a sorted row: its size, or that of its columns."""
        if self.nodes <= 1 and self.stored_bytes:
            return self.stored_bytes
        return max(self.stored_bytes, self.size)


def combine(
    operands: Iterable[Estimate],
    size: int,
    *,
    extra_work: int = 0,
    text: bool = False,
    expansion: int | None = None,
    node: "Node",
) -> Estimate:
    """Return the estimate of an expression over `operands`, whose result has `size` bytes.

    `extra_work` is added to the work of the operands and the result. Without `expansion`, the text
    is at most as long as the longest operand. Raises QueryRejected if a limit is exceeded.
    """
    operands = tuple(operands)
    if expansion is None:
        expansion = max((operand.expansion for operand in operands), default=0)
    estimate = Estimate(
        size,
        nodes=1 + sum(operand.nodes for operand in operands),
        work=size + extra_work + sum(operand.work for operand in operands),
        text=text,
        expansion=expansion,
        stored_bytes=sum(operand.stored_bytes for operand in operands),
        gathered=any(operand.gathered for operand in operands),
    )
    check_limits(estimate, node)
    return estimate


def check_limits(estimate: Estimate, node: "Node") -> None:
    """Raise QueryRejected if the value could be too large, too much work, or too complex."""
    check_nodes(estimate.nodes, node)
    if estimate.expansion > MAX_EXPANSION:
        reject(
            f"a text could become {estimate.expansion:,} times as long;"
            f" the limit is {MAX_EXPANSION} times",
            node,
        )
    if estimate.size > MAX_VALUE_BYTES:
        reject(
            f"a value could have {estimate.size:,} bytes or digits;"
            f" the limit is {MAX_VALUE_BYTES:,}",
            node,
        )
    if estimate.work > MAX_WORK:
        reject(
            f"computing one row could process {estimate.work:,} bytes; the limit is {MAX_WORK:,}",
            node,
        )


def check_nodes(nodes: int, node: "Node") -> None:
    """Raise QueryRejected if the expressions have more than MAX_NODES nodes."""
    if nodes > MAX_NODES:
        reject(
            "the query is too complex: after every name is replaced by its expression, it has"
            f" more than {MAX_NODES:,} parts",
            node,
        )


def estimate_string(text: str) -> Estimate:
    """Return the estimate of a string literal.

    PostgreSQL may read the string as a number, so '1e9999' counts 9,999 digits more.
    """
    exponent = EXPONENT.fullmatch(text)
    digits = abs(int(exponent[1])) if exponent else 0
    size = len(text.encode()) + digits
    return Estimate(size, text=True, literal=True, distinct=1, expansion=0)


def gather_error(gathered_bytes: float) -> QueryTooExpensive:
    """Return the error for aggregates that could hold too many rows in memory."""
    return QueryTooExpensive(
        f"The query could collect {gathered_bytes:,.0f} bytes in memory;"
        f" the limit is {MAX_GATHERED_BYTES:,}. Use LIMIT in a subquery, or shorter values"
    )
