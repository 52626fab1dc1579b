"""The composition root: builds clients, pools and repositories, once per execution environment.

`current()` builds the runtime on first use. On Lambda, the initialisation of the function uses it
first (http/environment.py); elsewhere, the first request does. With SnapStart it is built again
after the snapshot. Tests call `set_current`. Importing this module calls `gc.freeze()`
(gc_tuning.py) and registers SnapStart hooks.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from sluice import gc_tuning  # isort: skip - first, because it stops the collector
from sluice import application, snapstart
from sluice.admission import Admission
from sluice.aws.client import AwsClient
from sluice.db.breaker import CircuitBreaker
from sluice.db.database import Database
from sluice.db.error_names import ErrorNames
from sluice.db.passwords import password_provider
from sluice.db.pools import make_pool
from sluice.db.probe_lock import DynamoProbeLock
from sluice.db.retry import retry_transaction
from sluice.settings import DatabaseSettings, Settings, SettingsError
from sluice.sql.page_cursor import CursorSigner
from sluice.unit_of_work import Repositories, UnitOfWork

if TYPE_CHECKING:
    from sluice.adhoc_sql.databases import AdhocSqlDatabases
    from sluice.db.replica import Replica
    from sluice.imports.maintenance import ImportMaintenance
    from sluice.imports.sqs_consumer import ImportConsumer
    from sluice.imports.storage import ImportBucket

T = TypeVar("T")

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
        self.admission = Admission(settings, self._dynamodb)

    @cached_property
    def primary(self) -> Repositories:
        """Repositories that only use the primary, for reads that must be consistent."""
        return self if self.replica is None else Repositories(self.database, self._signer)

    @cached_property
    def adhoc_sql(self) -> "AdhocSqlDatabases":
        """The databases for ad-hoc SQL."""
        from sluice.adhoc_sql.databases import AdhocSqlDatabases

        app = application.current()
        catalogue = app.load("analytics") if app.analytics else None
        return AdhocSqlDatabases(
            self.settings, self.replica, catalogue, row_security=has_row_security(self.settings)
        )

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
        importer = Importer(batch.connection, self.bucket, self._signer, settings.imports_max_bytes)
        jobs = ImportJobRepository(batch, self._signer)
        url, max_receive_count = settings.imports_queue_url, settings.imports_max_receive_count
        return ImportConsumer(importer, jobs, self._queues, url, max_receive_count)

    @cached_property
    def _queues(self) -> AwsClient:
        endpoint = self.settings.aws.sqs_endpoint
        return AwsClient(self.settings.aws, "sqs", endpoint=endpoint, version="1.0", timeout=10)

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
        if "adhoc_sql" in vars(self):
            self.adhoc_sql.dispose()
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


def build(settings: Settings, *, clock: Callable[[], float] = time.time) -> Runtime:
    """Build a runtime. Opens no connection. `clock` is that of the circuit breakers."""
    logging.getLogger("sluice").setLevel(settings.log_level)
    dynamodb = _dynamodb(settings)
    database = partial(_request_database, settings, dynamodb=dynamodb, clock=clock)
    primary = database(settings.database, name="the database")
    replica = None
    if settings.replica is not None and primary.pool.pipelined:  # stock pg8000 reports no LSN
        from sluice.db.replica import Replica

        replica = Replica(database(settings.replica, name="the replica"))
    return Runtime(settings, primary, dynamodb, replica)


def _request_database(
    settings: Settings,
    server: DatabaseSettings,
    *,
    dynamodb: AwsClient,
    clock: Callable[[], float],
    name: str,
) -> Database:
    """Return a database for requests, with a circuit breaker. `name` is for the log."""
    address = f"{server.host}:{server.port}/{server.name}"
    probe_lock = DynamoProbeLock(dynamodb, settings.rate_limit_table, address)
    breaker = CircuitBreaker(probe_lock, clock=clock, name=name)
    provider = password_provider(settings.aws, server)
    pool = make_pool(
        server,
        "function",
        password_provider=provider,
        breaker=breaker,
        names=error_names,
        sets_tenant=has_row_security(settings),
    )
    return Database(pool, breaker, report_lsn=settings.replica is not None)


def _batch_database(settings: Settings, server: DatabaseSettings) -> Database:
    provider = password_provider(settings.aws, server)
    pool = make_pool(
        server,
        "batch",
        password_provider=provider,
        names=error_names,
        sets_tenant=has_row_security(settings),
    )
    return Database(pool)


def has_row_security(settings: Settings) -> bool:
    """Return whether PostgreSQL's policies separate tenants, too: if set, and there are tenants."""
    return settings.rls and bool(application.current().tenant)


def error_names() -> ErrorNames:
    """Return the names of the current application that database errors may contain.

    It is called for the first error, so that no function imports the application's errors for it.
    """
    app = application.current()
    errors = {name: app.load("constraint_errors", name) for name in app.constraint_errors}
    names = ErrorNames(app.errors, app.constraints, app.self_references, app.keys, errors)
    if not app.tenant:
        return names
    from sluice.tenant_columns import tenant_column

    declared = (each for each in app.declarations() if each.has_tenant)
    return names._replace(tenants={each.table: (tenant_column(each),) for each in declared})


def _dynamodb(settings: Settings) -> AwsClient:
    endpoint, timeout = settings.aws.dynamodb_endpoint, DYNAMODB_TIMEOUT
    return AwsClient(settings.aws, "dynamodb", endpoint=endpoint, version="1.0", timeout=timeout)


_lock = threading.Lock()
_current: Runtime | None = None


def current() -> Runtime:
    """Return the runtime of this execution environment, built on first use.

    Raise SettingsError, which names every problem, if environment variables are invalid or name no
    application.
    """
    global _current
    if _current is None:
        with _lock:
            if _current is None:
                _current = build(_read_settings())
    return _current


def _read_settings() -> Settings:
    """Read the settings and check SLUICE_APP. Raise SettingsError with the problems of both."""
    problems = application.problems()
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        raise SettingsError([*error.problems, *problems]) from None
    if problems:
        raise SettingsError(problems)
    return with_search_path(settings, application.current().search_path)


def with_search_path(settings: Settings, schemas: tuple[str, ...]) -> Settings:
    """Return settings whose sessions have the application's search_path, on each server."""
    adhoc_sql, replica = settings.adhoc_sql, settings.replica
    if adhoc_sql is not None:
        database = adhoc_sql.database._replace(search_path=schemas)
        adhoc_sql = adhoc_sql._replace(database=database)
    if replica is not None:
        replica = replica._replace(search_path=schemas)
    database = settings.database._replace(search_path=schemas)
    return settings._replace(database=database, adhoc_sql=adhoc_sql, replica=replica)


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
    error_names()
    reset()


snapstart.before_snapshot(_prepare_for_snapshot)
gc_tuning.finish()
