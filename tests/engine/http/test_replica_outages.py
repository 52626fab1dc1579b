"""Reads while the replica or the primary is down, promoted or missing."""

import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from pg8000.exceptions import DatabaseError

from local.postgres import PostgresServer
from sluice import request_context, runtime
from sluice.db.breaker import OPEN_SECONDS
from sluice.query import Query
from sluice.settings import REPLICA_DEADLINE_SHARE
from tests.engine.http.test_replica import ADHOC_SQL_PATH, UNREACHED_LSN
from tests.fixtures.client import Client
from tests.fixtures.database import owner_connection
from tests.fixtures.replica import MIN_LSN_HEADER, Replicated, replica_of
from tests.fixtures.waiting import wait_until


def refuse_connections(replicated: Replicated) -> None:
    replicated.replica_proxy.close()


def reset_connections(replicated: Replicated) -> None:
    replicated.replica_proxy.reset_connections()


def stop_responding(replicated: Replicated) -> None:
    replicated.replica_proxy.drop_data()


@pytest.mark.parametrize("outage", [refuse_connections, reset_connections, stop_responding])
def test_primary_answers_while_replica_is_down(
    replicated: Replicated,
    served_by: Callable[[], list[str]],
    outage: Callable[[Replicated], None],
) -> None:
    """Only the first two requests try the replica: one read, then one attempt to connect."""
    replicated.client.timeout = 5.0  # half of it is the longest wait for the replica
    outage(replicated)
    assert [replicated.price() for _ in range(2)] == ["1.00"] * 2
    connections = replicated.replica_proxy.connections
    assert replicated.round_trips(lambda: [replicated.price() for _ in range(8)]) == (8, 0)
    assert replicated.replica_proxy.connections == connections
    assert served_by() == ["primary"] * 10
    assert runtime.current().database.breaker.state == "closed"


def test_replica_is_used_again_after_an_outage(
    replicated: Replicated, served_by: Callable[[], list[str]]
) -> None:
    replicated.replica_proxy.close()
    for _ in range(2):
        replicated.price()
    replicated.replica_proxy.open()
    replicated.price()
    assert served_by() == ["primary"] * 3
    replicated.clock.now += 2 * OPEN_SECONDS
    replicated.price()
    assert served_by() == ["replica"]


def test_replica_serves_reads_while_primary_is_down(replicated: Replicated) -> None:
    lsn = replicated.set_price("2.00")
    replicated.replica.wait_for_lsn(lsn)
    assert replicated.price(UNREACHED_LSN) == "2.00"
    replicated.primary_proxy.close()
    assert replicated.client.get("/api/readers").code == "database_unavailable"
    assert [replicated.price(), replicated.price(lsn)] == ["2.00", "2.00"]
    path = replicated.path
    ahead = replicated.client.get(path, x_sluice_min_lsn=UNREACHED_LSN)
    assert ahead.code == "circuit_open", "the stale response could be older than the LSN"
    replicated.replica_proxy.close()
    assert replicated.price() == "2.00"  # a stale response, marked by a Warning header
    assert "Warning" in replicated.get().headers


HIDDEN_FUNCTION = "ALTER FUNCTION sluice.require_lsn(pg_lsn) RENAME TO hidden"
SHOWN_FUNCTION = "ALTER FUNCTION sluice.hidden(pg_lsn) RENAME TO require_lsn"


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        (HIDDEN_FUNCTION, SHOWN_FUNCTION),  # as before the replica has replayed migration 0004
        (
            "REVOKE USAGE ON SCHEMA sluice FROM sluice_analyst, sluice_app",
            "GRANT USAGE ON SCHEMA sluice TO sluice_analyst, sluice_app",
        ),
        (
            "CREATE FUNCTION public.aurora_version() RETURNS text LANGUAGE sql RETURN '17'",
            "DROP FUNCTION public.aurora_version()",
        ),
    ],
    ids=["no function", "no privilege", "Aurora"],
)
def test_replica_that_cannot_check_is_not_used(
    replicated: Replicated, served_by: Callable[[], list[str]], change: str, undo: str
) -> None:
    try:
        replicated.client.sql(change)
        replicated.wait_for_replica()
        prices = [replicated.price(min_lsn) for min_lsn in ("", "0/1")]
        query = replicated.get(ADHOC_SQL_PATH, min_lsn="0/1").json["rows"]
    finally:
        replicated.client.sql(undo)
    replicated.wait_for_replica()
    assert (prices, query) == (["1.00", "1.00"], [["1.00"]])
    assert served_by() == ["replica", "primary", "primary"]
    assert replicated.price("0/1") == "1.00"
    assert served_by() == ["replica"]


def test_missing_check_is_logged_once_and_counted(
    replicated: Replicated, caplog: pytest.LogCaptureFixture
) -> None:
    replica = runtime.current().replica
    assert replica is not None
    try:
        replicated.client.sql(HIDDEN_FUNCTION)
        replicated.wait_for_replica()
        replica.take_counts()
        for _ in range(3):
            replicated.price("0/1")
        counts = replica.take_counts()
    finally:
        replicated.client.sql(SHOWN_FUNCTION)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["a read falls back to the primary: not_set_up"]
    assert counts["replica_fallbacks"] == 3


def test_check_fails_with_an_older_snapshot(replicated: Replicated) -> None:
    name = runtime.current().settings.database.name
    with closing(owner_connection(replicated.replica.url(database=name))) as connection:
        connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(DatabaseError, match="SLBHD"):
            connection.run("SELECT sluice.require_lsn('0/1')")


def test_check_fails_on_a_primary(client: Client) -> None:
    with pytest.raises(DatabaseError, match="SLBHD"):
        client.sql("SELECT sluice.require_lsn('0/1')")


SLOW_ON_REPLICA = """
    SELECT count(*) AS n FROM shelves
    WHERE CASE WHEN pg_is_in_recovery() THEN CAST(pg_sleep(9) AS text) = '' ELSE true END
"""


def test_recovery_conflict_is_retried_on_the_primary(replicated: Replicated) -> None:
    """The replica replays a lock of the primary and cancels the read with SQLSTATE 40001."""
    replicated.replica.run("ALTER SYSTEM SET max_standby_streaming_delay = 0")
    replicated.replica.run("SELECT pg_reload_conf()")
    current = runtime.current()
    results = []
    assert current.replica is not None
    reads = current.replica.route_reads(current.database)

    def read() -> None:
        with request_context.begin(60) as context:
            context.database.min_lsn = ""
            results.append((reads.read(Query(SLOW_ON_REPLICA))[0].n, context.database.served_by))

    thread = threading.Thread(target=read)
    thread.start()
    running = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    wait_until(lambda: replicated.replica.run(running) == [[1]], "the read")
    replicated.client.sql("DO $$ BEGIN LOCK TABLE shelves IN ACCESS EXCLUSIVE MODE; END $$")
    thread.join()
    replicated.replica.run("ALTER SYSTEM RESET max_standby_streaming_delay")
    replicated.replica.run("SELECT pg_reload_conf()")
    assert results == [(1, "primary")]


def test_write_succeeds_without_its_lsn(replicated: Replicated) -> None:
    """It returns an LSN that no replica has reached, so reads with it use the primary."""
    replicated.client.sql("REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn FROM PUBLIC")
    assert replicated.set_price("2.00") == UNREACHED_LSN
    replicated.client.add_shelf("novels")
    query = 'mutation { addBook(input: {name: "Emma", price: "3.00", shelf: "novels"}) { price } }'
    mutation = replicated.client.graphql(query)
    replicated.client.sql("GRANT EXECUTE ON FUNCTION pg_current_wal_insert_lsn TO PUBLIC")
    expected = ({"addBook": {"price": "3.00"}}, UNREACHED_LSN)
    assert (mutation.json["data"], mutation.headers[MIN_LSN_HEADER]) == expected


def test_promoted_replica_serves_only_old_reads(
    replicated: Replicated,
    postgres_server: PostgresServer,
    served_by: Callable[[], list[str]],
) -> None:
    with replica_of(postgres_server) as promoted:
        before = replicated.set_price("2.00")
        promoted.wait_for_lsn(before)
        promoted.run("SELECT pg_promote()")
        later = replicated.set_price("3.00")
        settings = runtime.current().settings
        assert settings.replica is not None
        replica = settings.replica._replace(port=promoted.port)
        with_promoted = runtime.build(settings._replace(replica=replica))
        runtime.set_current(with_promoted)
        served_by()
        prices = [replicated.price(min_lsn) for min_lsn in ("", before, later)]
        assert prices == ["2.00", "2.00", "3.00"]
        assert served_by() == ["replica", "replica", "primary"]
        runtime.set_current(None)
        with_promoted.database.dispose()


def test_endpoint_without_replica_is_the_primary(
    replicated: Replicated, served_by: Callable[[], list[str]]
) -> None:
    """The reader endpoint of an Aurora cluster with a single instance resolves to the primary."""
    settings = runtime.current().settings
    replica = settings.database._replace(deadline_share=REPLICA_DEADLINE_SHARE)
    without_replica = runtime.build(settings._replace(replica=replica))
    runtime.set_current(without_replica)
    lsn = replicated.set_price("2.00")
    assert [replicated.price(), replicated.price(lsn)] == ["2.00", "2.00"]
    assert served_by() == ["", "replica", "primary"]
    assert replicated.get("/health/ready").json["replica"]["lag_bytes"] is None
    runtime.set_current(None)
    without_replica.database.dispose()
