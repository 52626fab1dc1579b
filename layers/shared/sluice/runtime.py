"""The composition root: builds clients, pools and repositories, once per execution environment.

`current()` builds the runtime on first use, not when a function is imported, because building it
reads the settings. With SnapStart it is also built once before the snapshot. Tests call
`set_current`. Importing this module calls `gc.freeze()` (gc_tuning.py) and registers SnapStart
hooks.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import sluice.gc_tuning  # noqa: F401 - before the others, which import SQLAlchemy
from sluice import errors, snapstart
from sluice.aws.client import AwsClient
from sluice.db.breaker import CircuitBreaker
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.db.passwords import IamToken, SecretPassword
from sluice.db.probe_lock import DynamoProbeLock
from sluice.db.retry import retry_transaction
from sluice.identity.api_keys import ApiKeyStore
from sluice.identity.authenticator import Authenticator, Principal
from sluice.limits.client_network import client_network
from sluice.limits.dynamo import DynamoCounterStore
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import Decision, Limiter
from sluice.limits.window import Policy
from sluice.query import Query
from sluice.settings import DatabaseSettings, Settings
from sluice.sql.health import HealthRepository
from sluice.sql.page_cursor import CursorSigner
from sluice.unit_of_work import Repositories, UnitOfWork

if TYPE_CHECKING:
    from sluice.adhoc_sql.database import AdhocSqlDatabase
    from sluice.adhoc_sql.service import AdhocSqlService
    from sluice.db.replica import Replica
    from sluice.imports.maintenance import ImportMaintenance
    from sluice.imports.sqs_consumer import ImportConsumer
    from sluice.imports.storage import ImportBucket

T = TypeVar("T")

# Requests with invalid credentials, for each client network.
UNAUTHENTICATED_LIMIT = Policy(600, 60, "unauthenticated")
DYNAMODB_TIMEOUT = 0.5  # seconds; without DynamoDB, requests are served without rate limits


class Runtime(Repositories):
    """Everything that handlers use. A repository call is one statement, committed at once."""

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
        self.health = HealthRepository(database)
        # Replica settings → its database. None: the primary.
        self._adhoc_sql_databases: dict[DatabaseSettings | None, AdhocSqlDatabase] = {}

    @cached_property
    def primary(self) -> Repositories:
        """Repositories that only use the primary, for reads that must be consistent."""
        return self if self.replica is None else Repositories(self.database, self._signer)

    @property
    def adhoc_sql(self) -> "AdhocSqlService":
        """The ad-hoc SQL service on the primary. Raises NotFound or NotSetUp without its role."""
        return self._adhoc_sql_service(None, None)

    def run_adhoc_sql(self, sql: str, max_rows: int) -> str:
        """Return the JSON of a query's result, from the replica if possible."""
        replica = self.settings.replica
        if self.replica is None or replica is None:
            return self.adhoc_sql.execute(sql, max_rows)
        return self.replica.read(
            lambda check: self._adhoc_sql_service(replica, check).execute(sql, max_rows),
            lambda: self.adhoc_sql.execute(sql, max_rows),
        )

    def _adhoc_sql_service(
        self, replica: DatabaseSettings | None, before: Query | None
    ) -> "AdhocSqlService":
        from sluice.adhoc_sql.service import AdhocSqlService

        settings = self.settings.adhoc_sql
        if settings is None and not self.settings.database.migrated:
            raise errors.NotSetUp("Ad-hoc SQL needs the role sluice_analyst: run make migrate")
        if settings is None:
            raise errors.NotFound("Ad-hoc SQL is not set up here: it needs a database role")
        databases = self._adhoc_sql_databases
        if replica not in databases:
            databases[replica] = self._make_adhoc_sql_database(settings.database, replica)
        begin = partial(databases[replica].transaction, before=before)
        return AdhocSqlService(begin, settings.max_cost, settings.timeout)

    def _make_adhoc_sql_database(
        self, role: DatabaseSettings, replica: DatabaseSettings | None
    ) -> "AdhocSqlDatabase":
        from sluice.adhoc_sql.database import AdhocSqlDatabase

        # On the primary it has no breaker: a wrong password of the analyst role must not affect the
        # other routes.
        breaker = None
        if replica is not None and self.replica is not None:
            share = replica.deadline_share
            role = replace(role, host=replica.host, port=replica.port, deadline_share=share)
            breaker = self.replica.database.breaker
        provider = password_provider(self.settings, role)
        engine = make_engine(role, "function", password_provider=provider, breaker=breaker)
        return AdhocSqlDatabase(engine)

    @cached_property
    def bucket(self) -> "ImportBucket":
        """The S3 bucket of files to import."""
        from sluice.imports.storage import ImportBucket

        return ImportBucket(self.settings.aws, self.settings.imports_bucket)

    @cached_property
    def import_consumer(self) -> "ImportConsumer":
        """The consumer of messages about files, with one connection at a time and no pool."""
        return self._make_import_consumer(self.settings.database)

    @cached_property
    def import_maintenance(self) -> "ImportMaintenance":
        """The clean-up of imports. Its connections wait for a paused database."""
        from sluice.imports.maintenance import ImportMaintenance

        consumer = self._make_import_consumer(self.settings.database.for_batch())
        queue_url = self.settings.imports_dead_letter_queue_url
        return ImportMaintenance(consumer, self._queues, queue_url)

    def _make_import_consumer(self, database: DatabaseSettings) -> "ImportConsumer":
        from sluice.imports.job import Importer
        from sluice.imports.job_repository import ImportJobRepository
        from sluice.imports.sqs_consumer import ImportConsumer

        settings = self.settings
        batch = _batch_database(settings, database)
        importer = Importer(batch.connection, self.bucket, settings.imports_max_bytes)
        jobs = ImportJobRepository(batch, self._signer)
        url, max_receive_count = settings.imports_queue_url, settings.imports_max_receive_count
        return ImportConsumer(importer, jobs, self._queues, url, max_receive_count)

    @cached_property
    def _queues(self) -> AwsClient:
        endpoint = self.settings.aws.sqs_endpoint
        return AwsClient(self.settings.aws, "sqs", endpoint=endpoint, version="1.0", timeout=10)

    def admit(
        self,
        key: str | None,
        authorization: str | None,
        address: str,
        claims: Mapping[str, Any] | None = None,
    ) -> tuple[Principal, Decision]:
        """Authenticate the client and count the request.

        The Decision says whether the quota of an authenticated client allows the request. Clients
        with invalid credentials are counted by their network, so that none can try thousands of
        keys; RateLimited is raised for them. `claims` are API Gateway's, and are used only if the
        settings say that it verifies tokens. Raise Unauthenticated or IdentityUnavailable.
        """
        try:
            principal = self.authenticator.identify(key, authorization, claims)
        except errors.Unauthenticated:
            decision = self.limiter.hit(f"address {client_network(address)}", UNAUTHENTICATED_LIMIT)
            if not decision.allowed:
                raise errors.RateLimited(decision.retry_after) from None
            raise
        policy = self._policies.get(principal.tier, self._policies["default"])
        return principal, self.limiter.hit(principal.client_id, policy)

    def databases_by_metric_prefix(self) -> dict[str, Database]:
        """Return the primary and the replica, by the prefix of their metrics."""
        if self.replica is None:
            return {"": self.database}
        return {"": self.database, "replica_": self.replica.database}

    def close_clients(self) -> None:
        """Close all connections except those of `database`. The next use opens new ones."""
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
        """Open a transaction with its repositories, rolled back unless it is committed."""
        with self.database.transaction() as transaction:
            yield UnitOfWork(transaction, self._signer)

    @contextmanager
    def batch(self) -> Iterator[Callable[[], AbstractContextManager[UnitOfWork]]]:
        """Open one connection for several units of work, outside of requests.

        It waits for a paused database, and does not use the circuit breaker.
        """
        database = _batch_database(self.settings, self.settings.database.for_batch())
        with database.connection() as begin:

            @contextmanager
            def unit_of_work() -> Iterator[UnitOfWork]:
                with begin() as transaction:
                    yield UnitOfWork(transaction, self._signer)

            yield unit_of_work

    def run_in_transaction(self, use_case: Callable[[UnitOfWork], T]) -> T:
        """Run `use_case` in a transaction, commit it, and return its result.

        It runs again if PostgreSQL rolled the transaction back because of another one.
        """

        def attempt() -> T:
            with self.unit_of_work() as work:
                result = use_case(work)
                work.commit()
            return result

        return retry_transaction(attempt)


def build(settings: Settings) -> Runtime:
    """Build a runtime. Opens no connection."""
    logging.getLogger("sluice").setLevel(settings.log_level)
    dynamodb = _dynamodb(settings)
    primary = _request_database(settings, settings.database, dynamodb, "the database")
    replica = None
    if settings.replica is not None and primary.pipelined:  # stock pg8000 reports no LSN
        from sluice.db.replica import Replica

        replica = Replica(_request_database(settings, settings.replica, dynamodb, "the replica"))
    return Runtime(settings, primary, dynamodb, replica)


def _request_database(
    settings: Settings, server: DatabaseSettings, dynamodb: AwsClient, name: str
) -> Database:
    """Return a database for requests, with a circuit breaker. `name` is for the log."""
    address = f"{server.host}:{server.port}/{server.name}"
    probe_lock = DynamoProbeLock(dynamodb, settings.rate_limit_table, address)
    breaker = CircuitBreaker(probe_lock, name=name)
    provider = password_provider(settings, server)
    engine = make_engine(server, "function", password_provider=provider, breaker=breaker)
    return Database(engine, breaker, report_lsn=settings.replica is not None)


def _batch_database(settings: Settings, server: DatabaseSettings) -> Database:
    provider = password_provider(settings, server)
    return Database(make_engine(server, "batch", password_provider=provider))


def _dynamodb(settings: Settings) -> AwsClient:
    endpoint, timeout = settings.aws.dynamodb_endpoint, DYNAMODB_TIMEOUT
    return AwsClient(settings.aws, "dynamodb", endpoint=endpoint, version="1.0", timeout=timeout)


def _make_authenticator(settings: Settings, dynamodb: AwsClient) -> Authenticator:
    tokens = None
    verified = None
    if settings.jwt is not None and settings.jwt.verified_by_gateway:
        from sluice.identity.claims import principal_from_claims

        verified = partial(principal_from_claims, issuer=settings.jwt.issuer)
    elif settings.jwt is not None:
        from sluice.identity.tokens import TokenVerifier  # only if tokens are accepted

        tokens = TokenVerifier(settings.jwt)
    return Authenticator(
        ApiKeyStore(dynamodb, settings.api_keys_table), tokens, verified, clock=time.time
    )


def password_provider(settings: Settings, database: DatabaseSettings) -> Callable[[], str] | None:
    """Return the provider of passwords for new connections.

    Return None if the settings have a password, or if the server asks for none.
    """
    if database.auth == "iam":
        return IamToken(settings.aws, database)
    if database.password or database.auth == "none":
        return None
    return SecretPassword(settings.aws, database.secret_arn)


_lock = threading.Lock()
_current: Runtime | None = None


def current() -> Runtime:
    """Return the runtime of this execution environment, built on first use.

    Raise SettingsError, which names every problem, if environment variables are invalid.
    """
    global _current
    if _current is None:
        with _lock:
            if _current is None:
                _current = build(Settings.from_env())
    return _current


def set_current(runtime: Runtime | None) -> None:
    """Replace the runtime, and close the clients of the previous one, but not its database.

    With None, the next `current()` builds a runtime.
    """
    global _current
    with _lock:
        if _current is not None:
            _current.close_clients()
        _current = runtime


def reset() -> None:
    """Close every connection and drop the runtime. The next `current()` builds a new one."""
    if _current is not None:
        _current.database.dispose()
        set_current(None)
        gc.collect()  # engines and pools refer to each other


def _prepare_for_snapshot() -> None:
    current()  # so that lazy imports are in the snapshot, and invalid settings fail here
    reset()


snapstart.before_snapshot(_prepare_for_snapshot)
