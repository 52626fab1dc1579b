"""An analyst's question, from the text to the answer: checked, priced, run, and rendered."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluice.adhoc_sql import plan_check, rendering
from sluice.adhoc_sql.allowlist import SERIES, TABLES
from sluice.adhoc_sql.query_runner import QueryRunner, Transaction
from sluice.errors import QueryRejected, QueryTooExpensive

if TYPE_CHECKING:
    from sluice.adhoc_sql.validator import Statement

MAX_BYTES = 2_000_000  # of the rows' text where they are made. Lambda answers with 6 MiB at most, quoted once more
MAX_CHARACTERS = 2_500_000  # of their JSON
MARGIN = 1.25  # more rows than estimated that a table may have
LARGEST_ROW = "its first row is too large to be answered"


@dataclass(frozen=True)
class AdhocSqlService:
    """`begin` gives a transaction that reads; `timeout` is of all its statements together, in seconds."""

    begin: Callable[..., AbstractContextManager[Transaction]]
    max_cost: float
    timeout: float
    clock: Callable[[], float] = field(default=time.perf_counter)

    def execute(self, text: str, max_rows: int) -> str:
        """The answer's JSON. QueryRejected; QueryTooExpensive, with the cost where it is known; other SluiceErrors."""
        from sluice.adhoc_sql.validator import check  # with the parser: for those who ask

        members: dict[str, object] = {"cost": None, "max_cost": self.max_cost}
        try:
            check(text)  # what is refused whatever the tables hold takes no connection
            with self.begin(timeout=self.timeout) as transaction:
                asked = QueryRunner(transaction)
                began = self.clock()
                statement = check(
                    text, {table: rows * MARGIN + 10 for table, rows in asked.sizes(TABLES).items()}
                )
                members["cost"] = self._judge(asked, statement)
                found = asked.rows(statement.sql, max_rows=max_rows, max_bytes=MAX_BYTES)
                took = self.clock() - began
        except QueryTooExpensive as error:
            raise QueryTooExpensive(error.detail, members={**members, **error.members}) from error
        rows = rendering.render_rows(
            found.rows, [oid for _, oid in found.columns], most=MAX_CHARACTERS
        )
        truncated = found.truncated or len(rows) < len(found.rows)
        if truncated and not rows:
            raise QueryRejected(LARGEST_ROW)
        columns = [
            {"name": name, "type": rendering.type_of(oid).name} for name, oid in found.columns
        ]
        rest = {
            "row_count": len(rows),
            "truncated": truncated,
            **members,
            "duration_ms": round(took * 1000, 1),
        }
        return f'{{"columns":{_json(columns)},"rows":[{",".join(rows)}],{_json(rest)[1:]}'

    def _judge(self, asked: QueryRunner, statement: "Statement") -> float:
        """The cost of what PostgreSQL means to do, which it may do. It is asked twice where it would hash too much."""
        asked.limit_memory(statement.work_mem)
        plan = asked.plan(statement.sql)
        if plan_check.may_outgrow(plan):
            asked.without_hashing()
            plan = asked.plan(statement.sql)
        cost = plan_check.judge(
            plan, max_cost=self.max_cost, tables=TABLES, series=SERIES, hashed=statement.hashed
        )
        plan_check.check_sorts(
            plan, largest=statement.largest_sort, aggregates=statement.aggregate_sorts
        )
        return cost


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
