"""Defence in depth: whether a layer stops an attack when the layers before it are off."""

from collections.abc import Callable

from sluice.adhoc_sql.allowlist import GENERATE_SERIES
from sluice.adhoc_sql.database import AdhocSqlTransaction
from sluice.adhoc_sql.plan_check import check_plan
from sluice.adhoc_sql.query_runner import QueryRunner
from sluice.adhoc_sql.service import AdhocSqlService
from sluice.adhoc_sql.validator import validate
from sluice.errors import QueryRejected, SluiceError
from tests.engine.adhoc_sql.catalogue import CATALOGUE

TIMEOUT = 0.15  # seconds: short, so that attacks that sleep do not slow the tests down
# database_to_xml ignores statement_timeout for most of a minute, as PostgreSQL's source shows.
UNSTOPPABLE = ("database_to_xml",)


def validator_stops(attack: str) -> bool:
    """Return whether the validator rejects the attack, without PostgreSQL."""
    try:
        validate(attack, CATALOGUE)
    except QueryRejected:
        return True
    return False


def plan_stops(attack: str, service: AdhocSqlService) -> bool:
    """Return whether EXPLAIN, as the role, or the check of the plan stops the attack."""

    def run(transaction: AdhocSqlTransaction) -> None:
        plan = QueryRunner(transaction).plan(attack)
        check_plan(
            plan,
            max_cost=service.max_cost,
            tables=CATALOGUE.tables,
            set_function=GENERATE_SERIES,
            hashed=0,
        )

    return _stops(attack, service, run)


def run_stops(attack: str, service: AdhocSqlService) -> bool:
    """Return whether the read-only transaction of the role, or its timeout, stops the attack."""

    def run(transaction: AdhocSqlTransaction) -> None:
        QueryRunner(transaction).rows(attack, max_rows=100, max_bytes=100_000)

    return _stops(attack, service, run)


def role_stops(attack: str, service: AdhocSqlService) -> bool:
    """Return whether the role or its timeout stops the attack in a transaction that may write."""

    def run(transaction: AdhocSqlTransaction) -> None:
        transaction.run("SET TRANSACTION READ WRITE")
        transaction.run(attack)

    return _stops(attack, service, run)


def _stops(
    attack: str, service: AdhocSqlService, run: Callable[[AdhocSqlTransaction], None]
) -> bool:
    if any(name in attack for name in UNSTOPPABLE):
        return False
    try:
        with service.begin(timeout=TIMEOUT) as transaction:
            run(transaction)
    except SluiceError:
        return True
    return False
