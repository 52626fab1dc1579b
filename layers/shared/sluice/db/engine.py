"""How many connections may this process hold, and how does it prove who it is? One engine for each process.

`make_engine` connects nothing. It refuses, before any request, settings that could never connect.
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
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from sluice import deadline, request_stats
from sluice.db import driver_compat, sqlstate
from sluice.db.breaker import CircuitBreaker
from sluice.db.pool import BoundedPool
from sluice.db.session_settings import startup_settings
from sluice.db.transport import tls_context
from sluice.settings import DatabaseSettings, Pooler, SettingsError

Workload = Literal["function", "web", "batch"]
PasswordProvider = Callable[[], str]

# PgBouncer: "unsupported startup parameter: jit". RDS Proxy: "RDS Proxy currently doesn't support the option jit".
STARTUP_REJECTED = ("08P01", "0A000")
REJECTED_WORDS = r"startup parameter|support the option"

_log = logging.getLogger(__name__)


def make_engine(
    settings: DatabaseSettings,
    workload: Workload,
    *,
    password_provider: PasswordProvider | None = None,
    breaker: CircuitBreaker | None = None,
    clock: Callable[[], float] = time.time,
    unsupported_reason: Callable[[], str | None] = driver_compat.unsupported_reason,
) -> Engine:
    """An engine whose every error is one of ours (db/sqlstate.py).

    `credentials` gives the password of each new connection, so that a rotated secret or a token that expires is
    asked for again. While `breaker` is open nothing is connected: CircuitOpen. Raises `SettingsError` without a
    password, or where the authorities cannot be read.
    """
    password = _password(settings, password_provider)
    _check_authorities(settings)
    reason = unsupported_reason()
    if reason is not None:
        _log.warning("using stock pg8000, with more round trips: %s", reason)
    engine = create_engine(
        URL.create(
            "postgresql+sluice" if reason is None else "postgresql+sluice_stock",
            username=settings.user,
            host=settings.host,
            port=settings.port,
            database=settings.name,
        ),
        connect_args={
            "tls": settings.tls,
            "ca_file": settings.ca_file,
            # A migration's or an import's statement may take what it takes; keepalive notices a peer that is gone.
            "socket_timeout": None if workload == "batch" else settings.socket_timeout,
            "application_name": f"sluice-{workload}",
            "startup": _startup(settings),
            **(_own_options(settings, clock) if reason is None else {}),
        },
        hide_parameters=True,
        execution_options={"migrated": settings.migrated},
        pool_pre_ping=True,
        **({"max_idle": settings.max_idle} if reason is None else {}),
        **_pool(settings, workload),
    )

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect, record: ConnectionPoolEntry, args: Any, options: dict[str, Any]
    ) -> Any:
        def attempt() -> Any:
            timeout, began, account = (
                deadline.cap(settings.connect_timeout),
                time.perf_counter(),
                request_stats.current(),
            )
            account.connections_opened += 1
            try:
                with _pooler_named(settings.pooler):
                    return dialect.connect(
                        *args, **options, password=password(), connect_timeout=timeout
                    )
            finally:
                account.db_seconds += time.perf_counter() - began

        return attempt() if breaker is None else breaker.connect(attempt)

    sqlstate.translate_errors(engine)
    return engine


@contextmanager
def _pooler_named(pooler: Pooler) -> Iterator[None]:
    """Say which setting to change where a pooler rejects our startup parameters; other errors pass as they are."""
    try:
        yield
    except DriverError as error:
        report = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        told = str(report.get("M", ""))
        if report.get("C") not in STARTUP_REJECTED or not re.search(REJECTED_WORDS, told):
            raise
        remedy = (
            f"If there is a pooler, set SLUICE_DB_POOLER to pgbouncer or rds-proxy; it is {pooler}"
        )
        raise InterfaceError(f"{told}. {remedy}") from error


def _startup(settings: DatabaseSettings) -> dict[str, str]:
    """What each connection sends at startup. Without `make migrate`, nothing may be written to the database."""
    startup = startup_settings(settings.pooler)
    if not settings.migrated and settings.pooler == "none":
        startup["default_transaction_read_only"] = "on"
    return startup


def _own_options(settings: DatabaseSettings, clock: Callable[[], float]) -> dict[str, Any]:
    """What stock pg8000 does not take."""
    # With RDS Proxy no shorter timeout goes ahead of a statement: set_config would pin the connection, and does so just
    # when the database is slow. The role's own timeouts remain, and the socket's.
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
    return {
        "clock": clock,
        "statement_timeout": 0.0 if settings.pooler == "rds-proxy" else settings.statement_timeout,
        "lock_timeout": settings.lock_timeout,
        "prepared_statements": settings.prepared_statements,
        "deadline_share": settings.deadline_share,
    }


def _pool(settings: DatabaseSettings, workload: Workload) -> dict[str, Any]:
    if workload == "batch":
        return {"poolclass": NullPool}  # a connection lives as long as its job
    # A function serves one request at a time; its second connection is for health. Others follow the PostgreSQL
    # wiki's (cores * 2) + spindles. LIFO keeps few connections warm and lets the rest grow old.
    size = settings.pool_size if workload == "function" else (os.cpu_count() or 1) * 2 + 1
    return {
        "poolclass": BoundedPool,
        "pool_size": size,
        "max_overflow": settings.pool_overflow,
        "pool_timeout": settings.pool_timeout,
        "pool_use_lifo": True,
    }


def _password(
    settings: DatabaseSettings, password_provider: PasswordProvider | None
) -> PasswordProvider:
    if password_provider is not None:
        return password_provider
    if settings.password or settings.auth == "none":
        return lambda: settings.password
    raise SettingsError(
        ["SLUICE_DB_PASSWORD is not set, and nothing here can read SLUICE_DB_SECRET_ARN"]
    )


def _check_authorities(settings: DatabaseSettings) -> None:
    if settings.tls == "verify-full":
        try:
            tls_context(settings.ca_file)
        except (OSError, SSLError) as error:
            raise SettingsError([f"SLUICE_DB_CA_FILE cannot be used: {error}"]) from error
