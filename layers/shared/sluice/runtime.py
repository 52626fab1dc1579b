"""The composition root: everything with a side effect, built once for each execution environment.

Importing this builds nothing. `current()` builds on first use, never at init: a database that is
waking up must not fail a cold start. Tests `install` a runtime of their own.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import sluice.gc_tuning  # noqa: F401 - before the others, which import SQLAlchemy
from sluice import snapstart
from sluice.aws.client import AwsClient
from sluice.db.breaker import CircuitBreaker
from sluice.db.database import Database, PrecedingStatement
from sluice.db.engine import make_engine
from sluice.db.passwords import IamToken, SecretPassword
from sluice.db.probe_lock import DynamoProbeLock
from sluice.db.retry import retry_transaction
from sluice.db.session_settings import deviations, role_settings
from sluice.errors import (
    NotFound,
    NotSetUp,
    RateLimited,
    Unauthenticated,
    Unavailable,
    WrongSettings,
)
from sluice.identity.api_keys import ApiKeyStore
from sluice.identity.authenticator import Authenticator, Principal
from sluice.limits.client_network import client_network
from sluice.limits.dynamo import DynamoCounterStore
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import Decision, Limiter
from sluice.limits.window import Policy
from sluice.repositories.analytics import AnalyticsRepository
from sluice.repositories.health import NEWEST, SchemaRepository
from sluice.repositories.page_cursor import CursorSigner
from sluice.settings import DatabaseSettings, Settings
from sluice.unit_of_work import Repositories, UnitOfWork

if TYPE_CHECKING:
    from sluice.adhoc_sql.database import AdhocSqlDatabase
    from sluice.adhoc_sql.service import AdhocSqlService
    from sluice.db.replica import Replica
    from sluice.imports.maintenance import ImportMaintenance
    from sluice.imports.sqs_consumer import ImportConsumer
    from sluice.imports.storage import ImportBucket

T = TypeVar("T")

UNAUTHENTICATED_LIMIT = Policy(
    600, 60, "strangers"
)  # of one address, with credentials that are none
DYNAMODB_TIMEOUT = 0.5  # seconds


class Runtime(Repositories):
    """What handlers work with. Repositories hold no session: each call is one statement, kept when it returns."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        dynamodb: AwsClient | None = None,
        replica: "Replica | None" = None,
    ) -> None:
        self.settings = settings
        self.database = database
        self.replica = replica
        self._signer = CursorSigner(settings.cursor_key)
        reads = database if replica is None else replica.route_reads(database)
        super().__init__(database, self._signer, replica_reads=reads)
        self._dynamodb = dynamodb or _dynamodb(settings)
        self.authenticator = _make_authenticator(settings, self._dynamodb)
        counts = DynamoCounterStore(self._dynamodb, settings.rate_limit_table)
        self.limiter = Limiter(counts, MemoryCounterStore(), clock=time.time)
        self._policies = {
            tier: Policy(*quota, name=tier) for tier, quota in settings.rate_tiers.items()
        }
        self.analytics = AnalyticsRepository(reads)
        self.schema = SchemaRepository(database)
        self._adhoc_sql_databases: dict[
            DatabaseSettings | None, AdhocSqlDatabase
        ] = {}  # None: that of the primary

    @cached_property
    def primary(self) -> Repositories:
        """The shop as the primary alone knows it, for those who put together what several statements read."""
        return self if self.replica is None else Repositories(self.database, self._signer)

    @property
    def adhoc_sql(self) -> "AdhocSqlService":
        """Who answers analysts' SQL at the primary; NotFound where no role was set up for it."""
        return self._adhoc_sql_service(None, None)

    def run_adhoc_sql(self, sql: str, max_rows: int) -> str:
        """As `adhoc_sql.execute`, by the reader where there is one."""
        reader = self.settings.replica
        if self.replica is None or reader is None:
            return self.adhoc_sql.execute(sql, max_rows)
        return self.replica.read(
            lambda preceding: self._adhoc_sql_service(reader, preceding).execute(sql, max_rows),
            lambda: self.adhoc_sql.execute(sql, max_rows),
        )

    def _adhoc_sql_service(
        self, reader: DatabaseSettings | None, preceding: PrecedingStatement | None
    ) -> "AdhocSqlService":
        """Made when it is first asked for."""
        from sluice.adhoc_sql.service import AdhocSqlService

        wanted = self.settings.adhoc_sql
        if wanted is None and not self.settings.database.migrated:
            raise NotSetUp("Analytics by SQL needs a role of its own in the database: make migrate")
        if wanted is None:
            raise NotFound(
                "Analytics by SQL is not set up here: it needs a database role of its own"
            )
        if reader not in self._adhoc_sql_databases:
            from sluice.adhoc_sql.database import AdhocSqlDatabase

            # Without the primary's breaker: a wrong password of the analyst's must not keep the shop from its database.
            role, breaker = wanted.database, None
            if reader is not None and self.replica is not None:
                role = replace(
                    role, host=reader.host, port=reader.port, deadline_share=reader.deadline_share
                )
                breaker = self.replica.database.breaker
            engine = make_engine(
                role,
                "function",
                password_provider=password_provider(self.settings, role),
                breaker=breaker,
            )
            self._adhoc_sql_databases[reader] = AdhocSqlDatabase(engine)
        begin = partial(self._adhoc_sql_databases[reader].transaction, preceding=preceding)
        return AdhocSqlService(begin, wanted.max_cost, wanted.timeout)

    @cached_property
    def bucket(self) -> "ImportBucket":
        """Where files are put to be imported."""
        from sluice.imports.storage import ImportBucket

        return ImportBucket(self.settings.aws, self.settings.imports_bucket)

    @cached_property
    def import_consumer(self) -> "ImportConsumer":
        """What works through the messages about files, over one connection at a time, which no pool keeps."""
        return self._make_import_consumer(self.settings.database)

    @cached_property
    def import_maintenance(self) -> "ImportMaintenance":
        """What fails imports by the clock, over one connection at a time. It waits for a paused database."""
        from sluice.imports.maintenance import ImportMaintenance

        consumer = self._make_import_consumer(self.settings.database.for_batch())
        return ImportMaintenance(
            consumer, self._queues, self.settings.imports_dead_letter_queue_url
        )

    def _make_import_consumer(self, there: DatabaseSettings) -> "ImportConsumer":
        from sluice.imports.job import Importer
        from sluice.imports.sqs_consumer import ImportConsumer
        from sluice.repositories.import_jobs import ImportJobRepository

        here = self.settings
        batch = Database(
            make_engine(there, "batch", password_provider=password_provider(here, there))
        )
        importer = Importer(batch.connection, self.bucket, here.imports_max_bytes)
        jobs = ImportJobRepository(batch, self._signer)
        return ImportConsumer(
            importer, jobs, self._queues, here.imports_queue_url, here.imports_max_receive_count
        )

    @cached_property
    def _queues(self) -> AwsClient:
        """SQS."""
        endpoint = self.settings.aws.sqs_endpoint
        return AwsClient(self.settings.aws, "sqs", endpoint=endpoint, version="1.0", timeout=10)

    def admit(
        self,
        key: str | None,
        authorization: str | None,
        address: str,
        claims: Mapping[str, Any] | None = None,
    ) -> tuple[Principal, Decision]:
        """Identify the client and count the request. Raise Unauthenticated, IdentityUnavailable or RateLimited.

        Unknown clients are limited by their address, so that none tries keys by the thousand. `claims` are API
        Gateway's, and count only if the settings say that it verifies tokens.
        """
        try:
            principal = self.authenticator.identify(key, authorization, claims)
        except Unauthenticated:
            stranger = self.limiter.hit(f"address {client_network(address)}", UNAUTHENTICATED_LIMIT)
            if not stranger.allowed:
                raise RateLimited(stranger.retry_after) from None
            raise
        policy = self._policies.get(principal.tier, self._policies["default"])
        return principal, self.limiter.hit(principal.client_id, policy)

    def readiness(self) -> dict[str, object]:
        """Return the state of this environment's parts.

        Raise Unavailable, with the same members, without the database, and WrongSettings where the settings of its
        sessions would change answers.
        """
        try:
            migration = self.schema.migration()
            found = deviations(self.schema.settings(role_settings("app")))
            position = self.schema.position() if self.replica else None
        except Unavailable as error:
            error.members = self._parts(None)
            raise
        settings = [deviation._asdict() for deviation in found]
        database = {"migration": migration, "expected_migration": NEWEST, "settings": settings}
        members = {"database": database, **self._parts(position)}
        if any(deviation.changes == "answers" for deviation in found):
            raise WrongSettings(members=members)
        return members

    def _parts(self, position: str | None) -> dict[str, object]:
        return {
            **_connections(self.database),
            "limiter": {"counts": "shared" if self.limiter.is_available() else "unavailable"},
            **(
                {}
                if self.replica is None
                else {"replica": self._reader(self.replica.database, position)}
            ),
        }

    def _reader(self, database: Database, position: str | None) -> dict[str, object]:
        try:
            lag = SchemaRepository(database).lag(position)
        except Unavailable:
            return {
                "reachable": False,
                "lag_bytes": None,
                "lag_seconds": None,
                **_connections(database),
            }
        return {
            "reachable": True,
            "lag_bytes": lag.bytes,
            "lag_seconds": lag.seconds,
            **_connections(database),
        }

    def databases_by_metric_prefix(self) -> dict[str, Database]:
        """Those it asks for the shop's rows, by what their metrics' names begin with."""
        return (
            {"": self.database}
            if self.replica is None
            else {"": self.database, "replica_": self.replica.database}
        )

    def close_clients(self) -> None:
        """Close the connections to AWS, to the reader, and the analyst's. The next call opens another."""
        self._dynamodb.close()
        if "_queues" in vars(self):
            self._queues.close()
        if "bucket" in vars(self):
            self.bucket.close()
        for database in self._adhoc_sql_databases.values():
            database.dispose()
        if self.replica is not None:
            self.replica.database.dispose()

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        """The repositories over one transaction, undone unless it is committed."""
        with self.database.transaction() as transaction:
            yield UnitOfWork(transaction, self._signer)

    @contextmanager
    def batch(self) -> Iterator[Callable[[], AbstractContextManager[UnitOfWork]]]:
        """One connection for several units of work that no client waits for, closed at the end.

        It waits for a database that is paused, and takes no part in the circuit breaker.
        """
        there = self.settings.database.for_batch()
        database = Database(
            make_engine(there, "batch", password_provider=password_provider(self.settings, there))
        )
        with database.connection() as begin:

            @contextmanager
            def unit() -> Iterator[UnitOfWork]:
                with begin() as transaction:
                    yield UnitOfWork(transaction, self._signer)

            yield unit

    def run_in_transaction(self, use_case: Callable[[UnitOfWork], T]) -> T:
        """What `use_case` returns, committed. It is run again where its transaction lost against another."""

        def unit() -> T:
            with self.unit_of_work() as work:
                result = use_case(work)
                work.commit()
            return result

        return retry_transaction(unit)


def _connections(database: Database) -> dict[str, object]:
    breaker = database.breaker
    return {
        "pool": asdict(database.pool_metrics()),
        "breaker": {"state": breaker.state, "open_elsewhere": breaker.open_elsewhere()},
    }


def build(settings: Settings) -> Runtime:
    """Wire a runtime. Connects to nothing."""
    logging.getLogger("sluice").setLevel(settings.log_level)
    dynamodb = _dynamodb(settings)

    def connected(there: DatabaseSettings, of: str) -> Database:
        turns = DynamoProbeLock(
            dynamodb, settings.rate_limit_table, f"{there.host}:{there.port}/{there.name}"
        )
        breaker = CircuitBreaker(turns, of=of)
        engine = make_engine(
            there, "function", password_provider=password_provider(settings, there), breaker=breaker
        )
        return Database(engine, breaker, report_lsn=settings.replica is not None)

    primary, replica = connected(settings.database, "the database"), None
    if settings.replica is not None and primary.pipelined:  # the stock driver tells no positions
        from sluice.db.replica import Replica  # only where there is one

        replica = Replica(connected(settings.replica, "the reader"))
    return Runtime(settings, primary, dynamodb, replica)


def _dynamodb(settings: Settings) -> AwsClient:
    # Impatient: where DynamoDB does not answer, requests go through uncounted, and strangers come again.
    return AwsClient(
        settings.aws,
        "dynamodb",
        endpoint=settings.aws.dynamodb_endpoint,
        version="1.0",
        timeout=DYNAMODB_TIMEOUT,
    )


def _make_authenticator(settings: Settings, dynamodb: AwsClient) -> Authenticator:
    tokens, verified = None, None
    if settings.jwt is not None and settings.jwt.verified_by_gateway:
        from sluice.identity.claims import principal_from_claims

        verified = partial(principal_from_claims, issuer=settings.jwt.issuer)
    elif settings.jwt is not None:
        from sluice.identity.tokens import TokenVerifier  # only where an issuer is trusted

        tokens = TokenVerifier(settings.jwt)
    return Authenticator(
        ApiKeyStore(dynamodb, settings.api_keys_table), tokens, verified, clock=time.time
    )


def password_provider(settings: Settings, database: DatabaseSettings) -> Callable[[], str] | None:
    """What is asked for the password of each new connection, where the settings do not hold it."""
    if database.auth == "iam":
        return IamToken(settings.aws, database)
    if database.password or database.auth == "none":
        return None
    return SecretPassword(settings.aws, database.secret_arn)


_lock = threading.Lock()
_current: Runtime | None = None


def current() -> Runtime:
    """This environment's runtime. SettingsError, naming every problem, where the environment cannot be used."""
    global _current
    if _current is None:
        with _lock:
            if _current is None:
                _current = build(Settings.from_env())
    return _current


def set_current(runtime: Runtime | None) -> None:
    """Put `runtime` in place; None makes the next `current()` build anew. The one before keeps its database alone."""
    global _current
    with _lock:
        if _current is not None:
            _current.close_clients()
        _current = runtime


def reset() -> None:
    """Close every connection, and drop the runtime with all that it remembers: the next `current()` builds anew."""
    if _current is not None:
        _current.database.dispose()
        set_current(None)
        gc.collect()  # engines and pools refer to each other


def _prepare_for_snapshot() -> None:
    current()  # so that what is loaded and read on first use is in the snapshot; and no version without settings
    reset()


snapstart.before_snapshot(_prepare_for_snapshot)
