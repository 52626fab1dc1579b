"""Report whether an execution environment can serve requests: database, pools, rate limiter."""

from typing import TYPE_CHECKING

from sluice import application, errors
from sluice.db.database import Database
from sluice.db.session_settings import deviations, role_settings
from sluice.sql import row_security
from sluice.sql.health import EXPECTED_MIGRATION, HealthRepository
from sluice.tenant_errors import RlsMissing

if TYPE_CHECKING:
    from sluice.runtime import Runtime


def readiness(runtime: "Runtime") -> dict[str, object]:
    """Return the state of the database, the pool, the breaker and the limiter.

    Raise Unavailable if the database is unavailable; its members lack `database`. Raise
    WrongSettings, with all members, if session settings of the database change results, and
    RlsMissing if row-level security is on and does not protect a table of tenants, or is off and
    hides its rows.
    """
    health = HealthRepository(runtime.database)
    try:
        migration = health.schema_version()
        search_path = runtime.settings.database.search_path
        deviating = deviations(health.settings(role_settings("app")), search_path)
        is_migrated = migration >= EXPECTED_MIGRATION
        drift = health.drift(application.current_name()) if is_migrated else None
        lsn = health.current_lsn() if runtime.replica else None
        unprotected = _unprotected(runtime)
    except errors.Unavailable as error:
        error.members = _components(runtime, None)
        raise
    database = {
        "migration": migration,
        "expected_migration": EXPECTED_MIGRATION,
        "settings": [deviation._asdict() for deviation in deviating],
        "drift": drift,
    }
    members = {"database": database, **_components(runtime, lsn)}
    if unprotected:
        rls = [each._asdict() for each in unprotected]
        raise RlsMissing(members={**members, "database": {**database, "rls": rls}})
    if any(deviation.affects == "results" for deviation in deviating):
        raise errors.WrongSettings(members=members)
    return members


def _unprotected(runtime: "Runtime") -> list[row_security.Unprotected]:
    """Return the tables that row-level security does not protect, or hides while it is off."""
    if not application.current().tenant:
        return []
    find = row_security.unprotected if runtime.settings.rls else row_security.hidden
    tables = row_security.tenant_tables(application.current().declarations())
    return find(runtime.database, tables)


def _components(runtime: "Runtime", lsn: str | None) -> dict[str, object]:
    counts = "shared" if runtime.admission.limiter.is_available() else "unavailable"
    components = {**_connections(runtime.database), "limiter": {"counts": counts}}
    if runtime.replica is not None:
        components["replica"] = _replica_state(runtime.replica.database, lsn)
    return components


def _connections(database: Database) -> dict[str, object]:
    breaker = database.breaker
    return {
        "pool": database.pool.metrics()._asdict(),
        "breaker": {"state": breaker.state, "open_elsewhere": breaker.open_elsewhere()},
    }


def _replica_state(database: Database, lsn: str | None) -> dict[str, object]:
    try:
        lag = HealthRepository(database).replication_lag(lsn)
    except errors.Unavailable:
        state = {"reachable": False, "lag_bytes": None, "lag_seconds": None}
        return {**state, **_connections(database)}
    lags = {"lag_bytes": lag.bytes, "lag_seconds": lag.seconds}
    return {"reachable": True, **lags, **_connections(database)}
