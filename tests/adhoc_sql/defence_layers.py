"""Defence in depth, measured: which layer stops an attack when those before it are off."""

from collections.abc import Callable

from sluice.adhoc_sql.allowlist import SERIES, TABLES
from sluice.adhoc_sql.plan_check import judge
from sluice.adhoc_sql.query_runner import QueryRunner, Transaction
from sluice.adhoc_sql.service import AdhocSqlService
from sluice.adhoc_sql.validator import check
from sluice.errors import QueryRejected, SluiceError

TIMEOUT = 0.15  # seconds: an attack that sleeps shall not make the tests sleep
UNSTOPPABLE = (
    "database_to_xml",
)  # ignores statement_timeout for most of a minute (research and PostgreSQL's source)


def parser_stops(attack: str) -> bool:
    """The first layer alone: nothing is asked of PostgreSQL."""
    try:
        check(attack)
    except QueryRejected:
        return True
    return False


def plan_stops(attack: str, analyst: AdhocSqlService) -> bool:
    """Without the parser: EXPLAIN by the extended protocol, as the role, and what is made of its plan."""

    def run(transaction: Transaction) -> None:
        plan = QueryRunner(transaction).plan(attack)
        judge(plan, max_cost=analyst.max_cost, tables=TABLES, series=SERIES, hashed=0)

    return _stops(attack, analyst, run)


def run_stops(attack: str, analyst: AdhocSqlService) -> bool:
    """Without parser and plan: wrapped, read-only, as the role, against the timeout."""

    def run(transaction: Transaction) -> None:
        QueryRunner(transaction).rows(attack, max_rows=100, max_bytes=100_000)

    return _stops(attack, analyst, run)


def role_stops(attack: str, analyst: AdhocSqlService) -> bool:
    """With nothing left but the role and the timeout: the text as it is, in a transaction that may write."""

    def run(transaction: Transaction) -> None:
        transaction.run("SET TRANSACTION READ WRITE")
        transaction.run(attack)

    return _stops(attack, analyst, run)


def _stops(attack: str, analyst: AdhocSqlService, run: Callable[[Transaction], None]) -> bool:
    if any(name in attack for name in UNSTOPPABLE):
        return False
    try:
        with analyst.begin(timeout=TIMEOUT) as transaction:
            run(transaction)
    except SluiceError:
        return True
    return False
