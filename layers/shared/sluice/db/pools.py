"""Make the connection pool for a kind of workload."""

from collections.abc import Callable
from typing import Any

from sluice.db.connector import Workload, connector
from sluice.db.error_names import ErrorNames
from sluice.db.pool import ConnectionPool, Hook
from sluice.settings import DatabaseSettings


def make_pool(
    settings: DatabaseSettings,
    workload: Workload,
    *,
    names: Callable[[], ErrorNames] = ErrorNames,
    on_connect: Hook | None = None,
    on_return: Hook | None = None,
    **options: Any,
) -> ConnectionPool:
    """Return a pool, which opens no connection yet.

    `names` returns the names that errors may contain. `on_connect` is called with each new
    connection of the driver, and `on_return` with each that is returned and still open. `options`
    are those of `connector`, which also says what is raised for unusable settings.
    """
    opens = connector(settings, workload, **options)
    if workload == "function" and opens.pipelined:
        from sluice.db.driver_pool import DriverPool

        return DriverPool(
            settings, opens.open, names=names, on_connect=on_connect, on_return=on_return
        )
    from sluice.db.engine import engine_of
    from sluice.db.sqlalchemy_pool import SqlalchemyPool

    engine = engine_of(opens, settings, workload, names=names)
    return SqlalchemyPool(engine, on_connect=on_connect, on_return=on_return)
