"""Create SQLAlchemy engines: the pool for each kind of workload, startup settings, passwords.

`make_engine` opens no connection, but rejects settings with which no connection could be opened.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ssl import SSLError
from typing import Any, Literal

from pg8000.exceptions import Error as DriverError
from pg8000.exceptions import InterfaceError
from sqlalchemy import URL, Engine, NullPool, create_engine, event
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.pool import ConnectionPoolEntry

from sluice import request_context
from sluice.db.breaker import CircuitBreaker
from sluice.db.driver import compat
from sluice.db.driver.transport import tls_context
from sluice.db.error_names import ErrorNames
from sluice.db.session_settings import startup_settings
from sluice.db.sqlalchemy_pool import BoundedPool
from sluice.db.sqlstate import translate
from sluice.settings import DatabaseSettings, Pooler, SettingsError

Workload = Literal["function", "web", "batch"]
PasswordProvider = Callable[[], str]

# PgBouncer: "unsupported startup parameter: jit".
# RDS Proxy: "RDS Proxy currently doesn't support the option jit".
STARTUP_REJECTED = ("08P01", "0A000")
STARTUP_REJECTED_WORDS = r"startup parameter|support the option"

_log = logging.getLogger(__name__)


def make_engine(
    settings: DatabaseSettings,
    workload: Workload,
    *,
    password_provider: PasswordProvider | None = None,
    breaker: CircuitBreaker | None = None,
    names: Callable[[], ErrorNames] = ErrorNames,
    sets_tenant: bool = False,
    clock: Callable[[], float] = time.time,
    unsupported_reason: Callable[[], str | None] = compat.unsupported_reason,
) -> Engine:
    """Return an engine that raises only SluiceErrors (db/sqlstate.py).

    `password_provider` is called for each new connection, so that rotated secrets and short-lived
    tokens work. While `breaker` is open, connecting raises CircuitOpen. `names` returns the names
    that errors may contain, when the first error occurs. With `sets_tenant`, each statement runs
    with the request's tenant in the setting `sluice.tenant`. Raise `SettingsError` without a
    password, or if the certificate authorities cannot be read.
    """
    password = password_provider or _configured_password(settings)
    _check_ca_file(settings)
    reason = unsupported_reason()
    is_pipelined = reason is None
    if not is_pipelined:
        _log.warning("using stock pg8000, with more round trips: %s", reason)
    engine = create_engine(
        _url(settings, is_pipelined=is_pipelined),
        connect_args={
            **_connect_args(settings, workload, clock, is_pipelined=is_pipelined),
            "sets_tenant": sets_tenant,
        },
        hide_parameters=True,
        execution_options={"migrated": settings.migrated, "error_names": names},
        pool_pre_ping=True,
        **({"max_idle": settings.max_idle} if is_pipelined else {}),
        **_pool_options(settings, workload),
    )
    _listen_for_connect(engine, settings, password, breaker)
    _translate_errors(engine, names, migrated=settings.migrated)
    return engine


def _url(settings: DatabaseSettings, *, is_pipelined: bool) -> URL:
    return URL.create(
        "postgresql+sluice" if is_pipelined else "postgresql+sluice_stock",
        username=settings.user,
        host=settings.host,
        port=settings.port,
        database=settings.name,
    )


def _connect_args(
    settings: DatabaseSettings,
    workload: Workload,
    clock: Callable[[], float],
    *,
    is_pipelined: bool,
) -> dict[str, Any]:
    # A statement of a migration may take any time. TCP keepalive detects a dead peer.
    socket_timeout = None if workload == "batch" else settings.socket_timeout
    return {
        "tls": settings.tls,
        "ca_file": settings.ca_file,
        "socket_timeout": socket_timeout,
        "application_name": f"sluice-{workload}",
        "startup": _startup_parameters(settings),
        **(_pipelined_options(settings, clock) if is_pipelined else {}),
    }


def _listen_for_connect(
    engine: Engine,
    settings: DatabaseSettings,
    password: PasswordProvider,
    breaker: CircuitBreaker | None,
) -> None:
    """Make the engine connect with the breaker, a current password and the request's deadline."""

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect, record: ConnectionPoolEntry, args: Any, options: dict[str, Any]
    ) -> Any:
        def attempt() -> Any:
            timeout = request_context.cap(settings.connect_timeout)
            use = request_context.current().database
            use.connections_opened += 1
            began = time.perf_counter()
            try:
                with _explain_pooler_error(settings.pooler):
                    return dialect.connect(
                        *args, **options, password=password(), connect_timeout=timeout
                    )
            finally:
                use.seconds += time.perf_counter() - began

        return attempt() if breaker is None else breaker.connect(attempt)


def _translate_errors(engine: Engine, names: Callable[[], ErrorNames], *, migrated: bool) -> None:
    """Make the engine raise SluiceErrors."""

    @event.listens_for(engine, "handle_error", retval=True)
    def handle(context: ExceptionContext) -> BaseException | None:
        if context.is_pre_ping:
            return None  # the pool replaces the connection
        connected = context.connection is not None
        error = context.original_exception
        statement = context.statement or ""
        return translate(
            error, connected=connected, migrated=migrated, names=names, statement=statement
        )


@contextmanager
def _explain_pooler_error(pooler: Pooler) -> Iterator[None]:
    """Name the setting to change if a pooler rejects the startup parameters."""
    try:
        yield
    except DriverError as error:
        report = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        message = str(report.get("M", ""))
        is_rejection = report.get("C") in STARTUP_REJECTED
        if not is_rejection or not re.search(STARTUP_REJECTED_WORDS, message):
            raise
        remedy = (
            f"If there is a pooler, set SLUICE_DB_POOLER to pgbouncer or rds-proxy; it is {pooler}"
        )
        raise InterfaceError(f"{message}. {remedy}") from error


def _startup_parameters(settings: DatabaseSettings) -> dict[str, str]:
    """Return the startup parameters. Before `make migrate`, they make sessions read-only."""
    startup = startup_settings(settings.pooler, settings.search_path)
    if not settings.migrated and settings.pooler == "none":
        startup["default_transaction_read_only"] = "on"
    return startup


def _pipelined_options(settings: DatabaseSettings, clock: Callable[[], float]) -> dict[str, Any]:
    """Return the options of `PipelinedConnection` that stock pg8000 does not have."""
    # With RDS Proxy, no shorter timeout is sent before a statement: set_config would pin the
    # connection, most often while the database is slow. Only the timeouts of the role and of the
    # socket limit the statement.
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
    statement_timeout = 0.0 if settings.pooler == "rds-proxy" else settings.statement_timeout
    return {
        "clock": clock,
        "statement_timeout": statement_timeout,
        "lock_timeout": settings.lock_timeout,
        "prepared_statements": settings.prepared_statements,
        "deadline_share": settings.deadline_share,
    }


def _pool_options(settings: DatabaseSettings, workload: Workload) -> dict[str, Any]:
    if workload == "batch":
        return {"poolclass": NullPool}  # a connection lives as long as its job
    # A function serves one request at a time, so one connection is enough. The overflow is for code
    # that holds two at once. For other workloads: (cores * 2) + spindles, from the PostgreSQL wiki.
    # LIFO keeps few connections in use, and the others expire.
    size = settings.pool_size if workload == "function" else (os.cpu_count() or 1) * 2 + 1
    return {
        "poolclass": BoundedPool,
        "pool_size": size,
        "max_overflow": settings.pool_overflow,
        "pool_timeout": settings.pool_timeout,
        "pool_use_lifo": True,
    }


def _configured_password(settings: DatabaseSettings) -> PasswordProvider:
    if settings.password or settings.auth == "none":
        return lambda: settings.password
    raise SettingsError(
        ["SLUICE_DB_PASSWORD is not set, and nothing here can read SLUICE_DB_SECRET_ARN"]
    )


def _check_ca_file(settings: DatabaseSettings) -> None:
    if settings.tls == "verify-full":
        try:
            tls_context(settings.ca_file)
        except (OSError, SSLError) as error:
            raise SettingsError([f"SLUICE_DB_CA_FILE cannot be used: {error}"]) from error
