"""Run validated queries in a transaction: table sizes, plans, and the first rows of a result."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sluice.adhoc_sql.catalogue import Catalogue

if TYPE_CHECKING:
    from sluice.adhoc_sql.database import AdhocSqlTransaction

# No query can use these names, because literals.py rejects them.
BYTES = '"%bytes"'
FOUND = '"%found"'
ROWS = '"%rows"'
ROW = '"%row"'


# The rows of each table: its pages, each with as many rows as when it was analyzed; before that,
# with as many as fit. A partitioned table has the rows of its partitions.
TABLE_ROWS_SQL = """
    SELECT c.relname, sum(
        pg_relation_size(part.oid) / CAST(current_setting('block_size') AS integer)
        * CASE WHEN part.relpages > 0 THEN part.reltuples / part.relpages ELSE 226 END
    )
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_class part
        ON part.oid = c.oid OR part.oid IN (SELECT relid FROM pg_partition_tree(c.oid))
    WHERE c.relnamespace = CAST('public' AS regnamespace) AND c.relname IN ({names})
        AND part.relkind = 'r'
    GROUP BY c.relname
"""


class QueryResult(NamedTuple):
    """The names and type OIDs of the columns, and the first rows of a query.

    `truncated` says whether the query has more rows.
    """

    columns: Sequence[tuple[str, int]]
    rows: Sequence[Sequence[str | None]]
    truncated: bool


class QueryRunner:
    """Runs queries in a read-only transaction. The SQL must come from the validator."""

    def __init__(self, transaction: "AdhocSqlTransaction") -> None:
        self._transaction = transaction

    def table_rows(self, catalogue: Catalogue) -> Mapping[str, float]:
        """Return the rows of each table, as the planner estimates from its size on disk.

        A policy would make the planner estimate the rows of an average tenant. So the rows of all
        tenants are estimated from the size: a tenant may have nearly all of them.
        """
        of_tenants = catalogue.tenant_tables
        others = [table for table in catalogue.tables if table not in of_tenants]
        estimated = self._rows_on_disk(of_tenants) if of_tenants else {}
        if others:
            plan = self.plan(" UNION ALL ".join(f'SELECT FROM public."{each}"' for each in others))
            scans = plan["Plans"] if len(others) > 1 else [plan]
            estimated |= {scan["Relation Name"]: float(scan["Plan Rows"]) for scan in scans}
        return estimated

    def _rows_on_disk(self, tables: Collection[str]) -> dict[str, float]:
        names = ", ".join(f"'{table}'" for table in sorted(tables))
        found = self._transaction.run(TABLE_ROWS_SQL.format(names=names)).rows
        return {str(table): float(str(rows)) for table, rows in found}

    def limit_memory(self, work_mem: int) -> None:
        """Set the kilobytes that each step of the next statements may use before it uses disk."""
        self._transaction.limit(work_mem=work_mem)

    def disable_hashing(self) -> None:
        """Make the next statements sort instead of hash, because every sort can use disk."""
        self._transaction.limit(enable_hashjoin="off", enable_hashagg="off")

    def plan(self, sql: str) -> Any:
        """Return PostgreSQL's plan of the query, without the LIMIT that `rows` adds.

        The result is empty for a statement that has no plan.
        """
        result = self._transaction.run(f"EXPLAIN (FORMAT JSON, VERBOSE) {sql}")
        explained = json.loads(str(result.rows[0][0]))[0]
        return explained["Plan"] if isinstance(explained, dict) else {}

    def rows(self, sql: str, *, max_rows: int, max_bytes: int) -> QueryResult:
        """Return the first rows: at most `max_rows`, and at most `max_bytes` as text.

        The server measures the rows, so a row that is too large is never sent. The outer join
        returns at least one row, whose last column is the number of rows.
        """
        result = self._transaction.run(
            f"""
            WITH {ROWS} AS MATERIALIZED (
                SELECT * FROM ({sql}) AS q LIMIT {int(max_rows) + 1}
            )
            SELECT * FROM (
                SELECT *, sum(octet_length({ROW}::text)) OVER (ROWS UNBOUNDED PRECEDING) AS {BYTES}
                FROM {ROWS} AS {ROW}
            ) AS measured
            RIGHT JOIN (SELECT count(*) AS {FOUND} FROM {ROWS}) AS counted
                ON {BYTES} <= {int(max_bytes)}
            """
        )
        found = int(str(result.rows[0][-1]))
        rows = [row[:-2] for row in result.rows[:max_rows] if row[-2] is not None]
        return QueryResult(result.columns[:-2], rows, truncated=len(rows) < found)
