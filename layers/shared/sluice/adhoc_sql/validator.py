"""Decide whether a query may run: parse it, check and estimate each part, and generate its SQL.

The server never gets the text of the client, but SQL that is generated from the parse tree. There
is no list of forbidden parts: everything that is not on the allowlist (allowlist.py) is rejected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.catalogue import Catalogue
from sluice.adhoc_sql.deparser import deparse
from sluice.adhoc_sql.expression import MemoryTotals
from sluice.adhoc_sql.parser import Node, parse, parse_deparsed
from sluice.adhoc_sql.plan_check import MAX_SORTED_BYTES
from sluice.adhoc_sql.query import QueryEstimator
from sluice.adhoc_sql.rejection import QUERY_TEXT, reject

MAX_TABLES = 12  # the planner tries many orders in which to join them
MAX_LATERALS = 12
MAX_WORK_MEM = 8_192  # kilobytes for each step of a plan: the setting of the role
MIN_WORK_MEM = 64  # kilobytes: the least that PostgreSQL accepts
ROW_POINTER_BYTES = 24  # of each row in a sort, in addition to the row
MIN_SORTED_ROWS = 1_024  # rows that a sort keeps in memory, even with the lowest work_mem
# The nodes that may add steps to a plan, each with its own work_mem.
STEP_NODES = frozenset(
    {"SubLink", "CommonTableExpr", "RangeVar", "RangeSubselect", "RangeFunction", "GroupingSet"}
)


@dataclass(frozen=True, slots=True)
class ValidatedQuery:
    """A query that may run: its SQL, its column names, and the memory it may use."""

    sql: str
    columns: tuple[str, ...]
    tables: frozenset[str]  # all names in FROM, those of WITH as well
    hashed: float  # bytes of the largest subquery that PostgreSQL may hash
    work_mem: int  # kilobytes for each step of its plan
    largest_sort: float  # bytes that one Sort of its plan may keep in memory
    aggregate_sorts: float  # bytes that the sorts in its aggregates may keep together


def validate(
    text: str, catalogue: Catalogue, table_rows: Mapping[str, float] | None = None
) -> ValidatedQuery:
    """Return the query in `text`, which may read the tables of `catalogue`.

    `table_rows` has the rows of each table. Without it, each table counts as one row.

    Raises QueryRejected, which says which part is not allowed and where it is. Raises
    QueryTooExpensive if the query could collect too many rows in memory.
    """
    token = QUERY_TEXT.set(text.encode(errors="replace"))
    try:
        tree = parse(text)
        nodes = list(tree.walk())
        _check_tables(nodes)
        totals = MemoryTotals()
        if table_rows is None:
            table_rows = dict.fromkeys(catalogue.tables, 1.0)
        relation = QueryEstimator(catalogue, table_rows, totals).resolve(tree)
        _use_double_precision(nodes)
        sql = deparse(tree)
        if parse_deparsed(sql).comparable() != tree.comparable():
            reject("it cannot be written again with the same meaning")
        work_mem = _choose_work_mem(nodes, totals)
        return ValidatedQuery(
            sql,
            columns=tuple(name for name, _ in relation.columns),
            tables=frozenset(str(node["relname"]) for node in nodes if node.kind == "RangeVar"),
            hashed=totals.hashed,
            work_mem=work_mem,
            largest_sort=max((_sort_bytes(*sort, work_mem) for sort in totals.sorts), default=0.0),
            aggregate_sorts=sum(_sort_bytes(*sort, work_mem) for sort in totals.aggregate_sorts),
        )
    except RecursionError:
        reject("it is nested too deeply")
    finally:
        QUERY_TEXT.reset(token)


def _check_tables(nodes: list[Node]) -> None:
    tables = sum(node.kind in ("RangeVar", "RangeFunction") for node in nodes)
    if tables > MAX_TABLES:
        reject(f"it names {tables} tables; the limit is {MAX_TABLES}")
    laterals = sum(bool(node["lateral"]) for node in nodes)
    if laterals > MAX_LATERALS:
        reject(f"it has {laterals} LATERAL subqueries; the limit is {MAX_LATERALS}")


def _use_double_precision(nodes: list[Node]) -> None:
    """Cast the operands of `^`, and the arguments of power, exp and ln, to double precision.

    With numeric they return up to 131,072 digits. Double precision has 15, and is fast.
    """
    for node in nodes:
        if node.kind == "FuncCall":
            name = str(node.list("funcname")[-1]["sval"])
            if name in allowlist.DOUBLE_PRECISION_FUNCTIONS:
                node.fields["args"] = [_as_double(arg) for arg in node.list("args")]
        elif _is_power(node):
            for side in ("lexpr", "rexpr"):
                if node[side] is not None:
                    node.fields[side] = _as_double(node[side])


def _is_power(node: Node) -> bool:
    if node.kind != "A_Expr" or node["kind"] != "AEXPR_OP":
        return False
    return bool(node.list("name")[0]["sval"] == "^")


def _as_double(node: Node) -> Node:
    if node.kind == "TypeCast" and node["typeName"].list("names")[-1]["sval"] == "float8":
        return node
    names = [Node("String", {"sval": part}) for part in ("pg_catalog", "float8")]
    type_: dict[str, Any] = {"names": names, "typemod": -1}
    return Node("TypeCast", {"arg": node, "typeName": Node("TypeName", type_)})


def _choose_work_mem(nodes: list[Node], totals: MemoryTotals) -> int:
    """Return a work_mem in kilobytes that keeps all steps together within MAX_SORTED_BYTES.

    Return MIN_WORK_MEM if no higher value is low enough.

    In PostgreSQL 17 and 18, a sort counts 24 bytes for each row, not the row itself. With 8 MB it
    keeps 349,525 rows, whatever their width. So work_mem depends on the estimated width.
    """
    steps = sum(node.kind in STEP_NODES for node in nodes)
    steps += sum(node.kind in ("SubLink", "JoinExpr") for node in nodes)
    sorts = [*totals.sorts, *totals.aggregate_sorts]
    work_mem = MAX_WORK_MEM
    while work_mem > MIN_WORK_MEM:
        sorted_bytes = sum(_sort_bytes(*sort, work_mem) for sort in sorts)
        if sorted_bytes + steps * work_mem * 1024 <= MAX_SORTED_BYTES:
            break
        work_mem //= 2
    return work_mem


def _sort_bytes(rows: float, width: int, work_mem: int) -> float:
    """Return the bytes that a sort keeps in memory."""
    rows_in_memory = max(MIN_SORTED_ROWS, work_mem * 1024 / ROW_POINTER_BYTES)
    return min(rows, rows_in_memory) * (width + ROW_POINTER_BYTES)
