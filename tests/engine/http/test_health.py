"""/health and /health/ready."""

from catalog import gate
from sluice import runtime
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.query import Query
from sluice.settings import DatabaseSettings
from tests.fixtures.sample import Library


def test_liveness_needs_no_database(library: Library) -> None:
    runtime.set_current(None)
    response = library.get("/health")
    assert (response.status, response.json) == (200, {"status": "ok"})


def test_readiness_shows_migration_and_pool(library: Library) -> None:
    response = library.get("/health/ready")
    assert (response.status, response.json["status"]) == (200, "ready")
    migrated = library.sql("SELECT version_num FROM sluice.version")[0][0]
    assert response.json["database"] == {
        "migration": migrated,
        "expected_migration": migrated,
        "settings": [],
        "drift": None,
    }
    assert response.json["pool"] == response.json["pool"] | {
        "size": 1,
        "checked_in": 1,
        "checked_out": 0,
        "overflow": 0,
    }
    assert response.json["pool"]["invalid"] >= 0
    assert response.json["breaker"] == {"state": "closed", "open_elsewhere": False}
    assert response.json["limiter"] == {"counts": "shared"}


def test_pending_migration_is_shown(isolated_library: Library) -> None:
    newest = isolated_library.get("/health/ready").json["database"]["expected_migration"]
    isolated_library.sql("UPDATE sluice.version SET version_num = '0001'")
    response = isolated_library.get("/health/ready")
    assert (response.status, response.json["database"]["migration"]) == (200, "0001")
    assert response.json["database"]["expected_migration"] == newest


def test_readiness_shows_what_a_deployment_compared(isolated_library: Library) -> None:
    isolated_library.sql("DROP INDEX books_copies_idx")
    settings = DatabaseSettings.from_url(isolated_library.url)
    database = Database(make_pool(settings, "batch"))

    gate.compare(database, "sample")
    (difference,) = gate.compare(database, "sample")

    database.dispose()
    response = isolated_library.get("/health/ready")
    assert (response.status, response.json["database"]["drift"]["differences"]) == (200, 1)
    assert difference["message"].startswith("no index answers the sort copies: CREATE INDEX")
    assert difference["line"] == "change copies: without sort"


def test_app_role_has_the_expected_timeouts(library: Library) -> None:
    query = """
        SELECT
            extract(epoch FROM CAST(current_setting('statement_timeout') AS interval)) AS statement,
            extract(epoch FROM CAST(current_setting('lock_timeout') AS interval)) AS lock
    """
    actual = runtime.current().database.read(Query(query))[0]
    expected = runtime.current().settings.database
    timeouts = (expected.statement_timeout, expected.lock_timeout)
    assert (actual.statement, actual.lock) == timeouts


def test_ready_without_the_shared_rate_limit(library: Library) -> None:
    current = runtime.current()
    aws = current.settings.aws._replace(dynamodb_endpoint="http://127.0.0.1:1")
    settings = current.settings._replace(aws=aws)
    runtime.set_current(runtime.Runtime(settings, current.database))
    response = library.get("/health/ready")
    assert (response.status, response.json["limiter"]) == (200, {"counts": "unavailable"})


def test_unreachable_database_is_503_with_retry_after(library: Library) -> None:
    settings = runtime.current().settings
    unreachable = settings.database._replace(port=1)
    runtime.set_current(runtime.build(settings._replace(database=unreachable)))
    response = library.get("/health/ready")
    assert (response.status, response.code) == (503, "database_unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    assert library.get("/health").status == 200


def test_invalid_settings_are_500(library: Library) -> None:
    runtime.set_current(
        None
    )  # the next request builds it from environment variables without a database
    response = library.get("/health/ready", origin="https://shop.example")
    assert (response.status, response.code) == (500, "internal_error")
    assert "SLUICE" not in response.text
