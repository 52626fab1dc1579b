"""Create SQLAlchemy engines: for jobs, migrations and web servers, and for a pool's sessions.

Functions have no engine: their pool is in driver_pool.py.
"""

import os
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.engine import ExceptionContext

from sluice.db.connector import Connector, Workload, connector
from sluice.db.error_names import ErrorNames
from sluice.db.sqlalchemy_pool import BoundedPool
from sluice.db.sqlstate import translate
from sluice.settings import DatabaseSettings

registry.register("postgresql.sluice", "sluice.db.driver.dialect", "SluiceDialect")
registry.register("postgresql.sluice_stock", "sluice.db.driver.stock", "StockDialect")


def make_engine(
    settings: DatabaseSettings,
    workload: Workload,
    *,
    names: Callable[[], ErrorNames] = ErrorNames,
    **options: Any,
) -> Engine:
    """Return an engine that raises only SluiceErrors (db/sqlstate.py).

    `names` returns the names that errors may contain, when the first error occurs. `options` are
    those of `connector`, which also says what is raised for unusable settings.
    """
    return engine_of(connector(settings, workload, **options), settings, workload, names=names)


def engine_of(
    opens: Connector,
    settings: DatabaseSettings,
    workload: Workload,
    *,
    names: Callable[[], ErrorNames] = ErrorNames,
) -> Engine:
    """Return an engine as `make_engine` does, with the connections of a connector."""
    engine = _engine(
        opens,
        execution_options={"migrated": settings.migrated, "error_names": names},
        pool_pre_ping=True,
        **({"max_idle": settings.max_idle} if opens.pipelined else {}),
        **_pool_options(settings, workload),
    )
    _translate_errors(engine, names, migrated=settings.migrated)
    return engine


def session_engine(
    borrow: Callable[[], Any], names: Callable[[], ErrorNames], *, migrated: bool
) -> Engine:
    """Return an engine whose connections `borrow` returns. It never closes or resets one."""
    engine = _engine(
        Connector(borrow, pipelined=True),
        poolclass=NullPool,
        pool_reset_on_return=None,
        owns_connections=False,
    )
    _translate_errors(engine, names, migrated=migrated)
    return engine


def _engine(opens: Connector, **options: Any) -> Engine:
    url = "postgresql+sluice://" if opens.pipelined else "postgresql+sluice_stock://"
    return create_engine(url, creator=opens.open, hide_parameters=True, **options)


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


def _pool_options(settings: DatabaseSettings, workload: Workload) -> dict[str, Any]:
    if workload == "batch":
        return {"poolclass": NullPool}  # a connection lives as long as its job
    # For other workloads than functions: (cores * 2) + spindles, from the PostgreSQL wiki. LIFO
    # keeps few connections in use, and the others expire.
    size = settings.pool_size if workload == "function" else (os.cpu_count() or 1) * 2 + 1
    return {
        "poolclass": BoundedPool,
        "pool_size": size,
        "max_overflow": settings.pool_overflow,
        "pool_timeout": settings.pool_timeout,
        "pool_use_lifo": True,
    }
