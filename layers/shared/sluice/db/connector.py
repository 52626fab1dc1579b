"""Open the driver's connections: startup settings, passwords, the breaker and the deadline.

`connector` opens no connection, but rejects settings with which none could be opened.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ssl import SSLError
from typing import Any, Literal, NamedTuple

from pg8000.exceptions import Error as DriverError
from pg8000.exceptions import InterfaceError

from sluice import request_context
from sluice.db.breaker import CircuitBreaker
from sluice.db.driver import compat
from sluice.db.driver.transport import tls_context
from sluice.db.session_settings import startup_settings
from sluice.settings import DatabaseSettings, Pooler, SettingsError

Workload = Literal["function", "web", "batch"]
PasswordProvider = Callable[[], str]

# PgBouncer: "unsupported startup parameter: jit".
# RDS Proxy: "RDS Proxy currently doesn't support the option jit".
STARTUP_REJECTED = ("08P01", "0A000")
STARTUP_REJECTED_WORDS = r"startup parameter|support the option"

_log = logging.getLogger(__name__)


class Connector(NamedTuple):
    """Opens connections of one workload. `pipelined`: they send several statements in one flush."""

    open: Callable[[], Any]
    pipelined: bool


def connector(
    settings: DatabaseSettings,
    workload: Workload,
    *,
    password_provider: PasswordProvider | None = None,
    breaker: CircuitBreaker | None = None,
    sets_tenant: bool = False,
    clock: Callable[[], float] = time.time,
    unsupported_reason: Callable[[], str | None] = compat.unsupported_reason,
) -> Connector:
    """Return what opens connections. It raises the driver's errors, and CircuitOpen.

    `password_provider` is called for each new connection, so that rotated secrets and short-lived
    tokens work. With `sets_tenant`, each statement runs with the request's tenant in the setting
    `sluice.tenant`. Raise `SettingsError` without a password, or if the certificate authorities
    cannot be read.
    """
    password = password_provider or _configured_password(settings)
    _check_ca_file(settings)
    reason = unsupported_reason()
    if reason is not None:
        _log.warning("using stock pg8000, with more round trips: %s", reason)
    connect = _driver(is_pipelined=reason is None)
    options = _options(settings, workload, clock, is_pipelined=reason is None)

    def attempt() -> Any:
        timeout = request_context.cap(settings.connect_timeout)
        use = request_context.current().database
        use.connections_opened += 1
        began = time.perf_counter()
        try:
            with _explain_pooler_error(settings.pooler):
                return connect(
                    **options,
                    sets_tenant=sets_tenant,
                    password=password(),
                    connect_timeout=timeout,
                )
        finally:
            use.seconds += time.perf_counter() - began

    def open_with_breaker() -> Any:
        return attempt() if breaker is None else breaker.connect(attempt)

    return Connector(open_with_breaker, pipelined=reason is None)


def _driver(*, is_pipelined: bool) -> Callable[..., Any]:
    # An unsupported pg8000 must never import the pipelined connection.
    if is_pipelined:
        from sluice.db.driver.connection import PipelinedConnection

        return PipelinedConnection
    from sluice.db.driver.stock import connect

    return connect


def _options(
    settings: DatabaseSettings,
    workload: Workload,
    clock: Callable[[], float],
    *,
    is_pipelined: bool,
) -> dict[str, Any]:
    # A statement of a migration may take any time. TCP keepalive detects a dead peer.
    socket_timeout = None if workload == "batch" else settings.socket_timeout
    return {
        "user": settings.user,
        "host": settings.host,
        "port": settings.port,
        "database": settings.name,
        "tls": settings.tls,
        "ca_file": settings.ca_file,
        "socket_timeout": socket_timeout,
        "application_name": f"sluice-{workload}",
        "startup": _startup_parameters(settings),
        **(_pipelined_options(settings, clock) if is_pipelined else {}),
    }


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
