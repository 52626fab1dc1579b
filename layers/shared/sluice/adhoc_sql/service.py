"""Execute an ad-hoc query: validate it, check its plan, run it, and render the rows."""

import json
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluice.adhoc_sql import plan_check, rendering
from sluice.adhoc_sql.allowlist import GENERATE_SERIES
from sluice.adhoc_sql.catalogue import Catalogue
from sluice.adhoc_sql.query_runner import QueryResult, QueryRunner
from sluice.errors import QueryRejected, QueryTooExpensive

if TYPE_CHECKING:
    from sluice.adhoc_sql.database import AdhocSqlTransaction
    from sluice.adhoc_sql.validator import ValidatedQuery

# Bytes of all rows as text. A response of Lambda has at most 6 MiB, including the escapes of the
# JSON text in it.
MAX_BYTES = 2_000_000
MAX_CHARACTERS = 2_500_000  # of all rows as JSON
ROW_MARGIN = 1.25  # a table may have this many times the estimated rows
ROW_ALLOWANCE = 10  # rows added for each table
# The planner estimates a cost from values of all tenants, so it is not shown.
TENANTS_EXPENSIVE = "The cost that PostgreSQL estimates exceeds the limit, or the plan needs memory"


@dataclass(frozen=True)
class AdhocSqlService:
    """Executes ad-hoc queries on the tables of `catalogue`. The caller checks the client's scope.

    `begin` returns a read-only transaction. All its statements together have `timeout` seconds.
    `require_protected` raises NoTenant or RlsRequired unless PostgreSQL separates the rows of these
    tables by tenant.
    """

    begin: Callable[..., "AbstractContextManager[AdhocSqlTransaction]"]
    catalogue: Catalogue
    max_cost: float
    timeout: float
    require_protected: Callable[[Collection[str]], None]
    clock: Callable[[], float] = field(default=time.perf_counter)

    def execute(self, text: str, max_rows: int) -> str:
        """Return the response body as JSON.

        Raises QueryRejected, QueryTooExpensive (with the cost if it is known), what
        `require_protected` raises, and other SluiceErrors of the database.
        """
        # Imported here, because it loads the parser: other requests of the function do not need it.
        from sluice.adhoc_sql.validator import validate

        members: dict[str, object] = {"cost": None, "max_cost": self.max_cost}
        of_tenants: frozenset[str] = frozenset()
        try:
            # Without the rows of tables: most queries are rejected before Sluice connects.
            of_tenants = validate(text, self.catalogue).tables & self.catalogue.tenant_tables
            self.require_protected(of_tenants)
            with self.begin(timeout=self.timeout) as transaction:
                runner = QueryRunner(transaction)
                started = self.clock()
                estimated = runner.table_rows(self.catalogue)
                query = validate(
                    text,
                    self.catalogue,
                    {table: rows * ROW_MARGIN + ROW_ALLOWANCE for table, rows in estimated.items()},
                )
                cost = self._check_plan(runner, query)
                members["cost"] = None if of_tenants else cost
                result = runner.rows(query.sql, max_rows=max_rows, max_bytes=MAX_BYTES)
                duration_ms = round((self.clock() - started) * 1000, 1)
        except QueryTooExpensive as error:
            if of_tenants and "cost" in error.members:
                raise QueryTooExpensive(TENANTS_EXPENSIVE, members=members) from error
            raise QueryTooExpensive(error.detail, members={**members, **error.members}) from error
        return _response(result, {**members, "duration_ms": duration_ms})

    def _check_plan(self, runner: QueryRunner, query: "ValidatedQuery") -> float:
        """Return the cost of the plan. Raises QueryRejected or QueryTooExpensive if it may not run.

        If the plan could hash too much, the query is planned again without hashing.
        """
        runner.limit_memory(query.work_mem)
        plan = runner.plan(query.sql)
        if plan_check.may_exceed_work_mem(plan, self.catalogue.selective_columns):
            runner.disable_hashing()
            plan = runner.plan(query.sql)
        cost = plan_check.check_plan(
            plan,
            max_cost=self.max_cost,
            tables=self.catalogue.tables,
            set_function=GENERATE_SERIES,
            hashed=query.hashed,
        )
        plan_check.check_sorts(plan, largest=query.largest_sort, aggregates=query.aggregate_sorts)
        return cost


def _response(result: QueryResult, members: dict[str, object]) -> str:
    oids = [oid for _, oid in result.columns]
    rows = rendering.render_rows(result.rows, oids, max_characters=MAX_CHARACTERS)
    truncated = result.truncated or len(rows) < len(result.rows)
    if truncated and not rows:
        raise QueryRejected("its first row is too large for a response")
    columns = [{"name": name, "type": rendering.type_of(oid).name} for name, oid in result.columns]
    rest = {"row_count": len(rows), "truncated": truncated, **members}
    return f'{{"columns":{_json(columns)},"rows":[{",".join(rows)}],{_json(rest)[1:]}'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
