"""What is asked for an analyst: what a statement would cost, and its rows, as many as may be answered."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

# Names that no statement of an analyst can have: % is in none.
BYTES, FOUND, ROWS, ROW = '"%bytes"', '"%found"', '"%rows"', '"%row"'


class Result(Protocol):
    @property
    def columns(self) -> Sequence[tuple[str, int]]: ...
    @property
    def rows(self) -> Sequence[Sequence[str | None]]: ...


class Transaction(Protocol):
    def run(self, sql: str) -> Result: ...
    def limit(self, **settings: str | int) -> None: ...


class Found(NamedTuple):
    """`columns` are names and types' OIDs; `truncated` says that there are rows beyond `rows`."""

    columns: Sequence[tuple[str, int]]
    rows: Sequence[Sequence[str | None]]
    truncated: bool


class QueryRunner:
    """Runs a statement that was checked, within a transaction that reads."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def sizes(self, tables: Collection[str]) -> Mapping[str, float]:
        """How many rows each table has, as the planner estimates from its present size on disk."""
        scans = " UNION ALL ".join(f'SELECT FROM public."{table}"' for table in tables)
        plan = self.plan(scans)
        return {scan["Relation Name"]: float(scan["Plan Rows"]) for scan in plan["Plans"]}

    def limit_memory(self, work_mem: int) -> None:
        """Let each step of the statements that follow take so many kilobytes before it writes to disk."""
        self._transaction.limit(work_mem=work_mem)

    def without_hashing(self) -> None:
        """Let the statements that follow sort where they would hash: what is sorted goes to disk in any case."""
        self._transaction.limit(enable_hashjoin="off", enable_hashagg="off")

    def plan(self, sql: str) -> Any:
        """PostgreSQL's plan of the statement, without the LIMIT that `rows` puts around it; empty where it has none."""
        told = json.loads(
            str(self._transaction.run(f"EXPLAIN (FORMAT JSON, VERBOSE) {sql}").rows[0][0])
        )[0]
        return told["Plan"] if isinstance(told, dict) else {}

    def rows(self, sql: str, *, max_rows: int, max_bytes: int) -> Found:
        """The first rows of the statement: no more than `max_rows`, and no more than fit into `max_bytes` as text.

        They are measured where they are made: a row that is too large does not leave the server. One row always
        comes, to say how many there are.
        """
        result = self._transaction.run(
            f"""
            WITH {ROWS} AS MATERIALIZED (SELECT * FROM ({sql}) AS q LIMIT {int(max_rows) + 1})
            SELECT * FROM (
                SELECT *, sum(octet_length({ROW}::text)) OVER (ROWS UNBOUNDED PRECEDING) AS {BYTES} FROM {ROWS} AS {ROW}
            ) AS measured
            RIGHT JOIN (SELECT count(*) AS {FOUND} FROM {ROWS}) AS counted ON {BYTES} <= {int(max_bytes)}
            """
        )
        found = int(str(result.rows[0][-1]))
        rows = [row[:-2] for row in result.rows[:max_rows] if row[-2] is not None]
        return Found(result.columns[:-2], rows, truncated=len(rows) < found)
