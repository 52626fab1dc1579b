"""Decides whether a statement may run: parses it, checks and measures every part, and writes it again.

What is run is never the caller's text, but what was understood of it. Nothing is forbidden by name; what allowlist.py
does not have is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.deparser import write
from sluice.adhoc_sql.expression import Totals
from sluice.adhoc_sql.parser import Node, read, read_written
from sluice.adhoc_sql.plan_check import MAX_SORTED
from sluice.adhoc_sql.query import Queries
from sluice.adhoc_sql.rejection import TEXT, refuse

MAX_TABLES = 12  # PostgreSQL tries their orders
MAX_LATERALS = 12
WORK_MEM, LEAST_WORK_MEM = (
    8_192,
    64,
)  # kilobytes of a step: the role's, and the least that PostgreSQL takes
POINTER, LEAST_SORTED = (
    24,
    1_024,
)  # bytes beside a row that is sorted, and how many rows a sort keeps in any case
STEPS = frozenset(
    {"SubLink", "CommonTableExpr", "RangeVar", "RangeSubselect", "RangeFunction", "GroupingSet"}
)
UNKNOWN = dict.fromkeys(allowlist.TABLES, 1.0)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that may be run: its SQL, written again, what its columns are called, and what it may hold."""

    sql: str
    columns: tuple[str, ...]
    hashed: float  # bytes of the largest list of IN, should PostgreSQL hash it
    work_mem: int  # kilobytes that each of its steps may take
    largest_sort: float  # bytes that a Sort of its plan may keep in memory
    aggregate_sorts: float  # bytes that its aggregates may, all together


def check(text: str, sizes: Mapping[str, float] = UNKNOWN) -> Statement:
    """The statement in `text`. QueryRejected says what is not allowed, and where; QueryTooExpensive, how much.

    `sizes` are the rows of the tables.
    """
    token = TEXT.set(text.encode(errors="replace"))
    try:
        tree = read(text)
        nodes = list(tree.walk())
        _check_size(nodes)
        totals = Totals()
        relation = Queries(sizes, totals).relation(tree)
        _in_double(nodes)
        sql = write(tree)
        if read_written(sql).same() != tree.same():
            refuse("it cannot be written as it was read")
        return Statement(
            sql, tuple(name for name, _ in relation.columns), totals.hashed, *_sorts(nodes, totals)
        )
    except RecursionError:
        refuse("it is nested too deeply")
    finally:
        TEXT.reset(token)


def _check_size(nodes: list[Node]) -> None:
    tables = sum(node.kind in ("RangeVar", "RangeFunction") for node in nodes)
    if tables > MAX_TABLES:
        refuse(f"it names {tables} tables; {MAX_TABLES} are the most")
    laterals = sum(bool(node["lateral"]) for node in nodes)
    if laterals > MAX_LATERALS:
        refuse(f"it has {laterals} LATERAL; {MAX_LATERALS} are the most")


def _in_double(nodes: list[Node]) -> None:
    """Powers and logarithms of numeric have up to 131,072 digits: double precision has 15, and is quick."""
    for node in nodes:
        if (
            node.kind == "FuncCall"
            and str(node.list("funcname")[-1]["sval"]) in allowlist.IN_DOUBLE
        ):
            node.parts["args"] = [_as_double(arg) for arg in node.list("args")]
        elif (
            node.kind == "A_Expr"
            and node["kind"] == "AEXPR_OP"
            and node.list("name")[0]["sval"] == "^"
        ):
            for side in ("lexpr", "rexpr"):
                if node[side] is not None:
                    node.parts[side] = _as_double(node[side])


def _as_double(node: Node) -> Node:
    if node.kind == "TypeCast" and node["typeName"].list("names")[-1]["sval"] == "float8":
        return node
    names = [Node("String", {"sval": part}) for part in ("pg_catalog", "float8")]
    type_: dict[str, Any] = {"names": names, "typemod": -1}
    return Node("TypeCast", {"arg": node, "typeName": Node("TypeName", type_)})


def _sorts(nodes: list[Node], totals: Totals) -> tuple[int, float, float]:
    """The work_mem of a statement, and with it the bytes of its largest sort, and of all sorts of its aggregates.

    PostgreSQL 17 and 18 do not count the rows of a sort, only 24 bytes for each: with 8 MB they keep 349,525 rows,
    however wide. So the rows that are sorted, and their width, say how many kilobytes that may be.
    """
    steps = sum(node.kind in STEPS for node in nodes) + sum(
        node.kind in ("SubLink", "JoinExpr") for node in nodes
    )
    every = [*totals.sorts, *totals.aggregate_sorts]
    work_mem = WORK_MEM
    while work_mem > LEAST_WORK_MEM:
        if sum(_sorted(*rows, work_mem) for rows in every) + steps * work_mem * 1024 <= MAX_SORTED:
            break
        work_mem //= 2
    largest = max((_sorted(*rows, work_mem) for rows in totals.sorts), default=0.0)
    return work_mem, largest, sum(_sorted(*rows, work_mem) for rows in totals.aggregate_sorts)


def _sorted(rows: float, width: int, work_mem: int) -> float:
    """The bytes of a sort in memory."""
    return min(rows, max(LEAST_SORTED, work_mem * 1024 / POINTER)) * (width + POINTER)
