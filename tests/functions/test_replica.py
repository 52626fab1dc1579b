"""Reads from a streaming replica: which server answers, how fresh it is, and the round trips.

The tests pause and resume WAL replay, so the lag is exact.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from local.postgres import PostgresServer
from sluice import request_stats, runtime
from sluice.http.metrics import MetricsEmitter
from sluice.settings import REPLICA_DEADLINE_SHARE
from tests.fixtures.concurrent_orders import run_concurrently
from tests.fixtures.replica import MIN_LSN_HEADER, PRODUCT_PATH, ReplicatedShop, replica_of
from tests.fixtures.shop import ApiResponse, Shop
from tests.local.waiting import wait_until

UNREACHED_LSN = "FFFFFFFF/FFFFFFFF"
ADHOC_SQL_PATH = "/api/analytics/query?query=select price from products"


def parse_lsn(position: str) -> int:
    high, low = position.split("/")
    return int(high, 16) << 32 | int(low, 16)


@pytest.fixture
def served_by(
    replicated_shop: ReplicatedShop, capsys: pytest.CaptureFixture[str]
) -> Callable[[], list[str]]:
    """Return a function that returns which server answered each request since its last call."""
    capsys.readouterr()

    def told() -> list[str]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line.get("served_by", "") for line in lines if "request_id" in line]

    return told


def test_min_lsn_header_reads_own_writes(
    replicated_shop: ReplicatedShop, served_by: Callable[[], list[str]]
) -> None:
    with replicated_shop.replica.replay_paused():
        position = replicated_shop.set_price("2.00")
        assert [
            replicated_shop.price(),
            replicated_shop.price(position),
            replicated_shop.price(UNREACHED_LSN),
        ] == ["1.00", "2.00", "2.00"]
        assert served_by() == ["", "replica", "primary", "primary"]
    replicated_shop.replica.wait_for_lsn(position)
    assert [
        replicated_shop.price(),
        replicated_shop.price(position),
        replicated_shop.price(UNREACHED_LSN),
    ] == ["2.00", "2.00", "2.00"]
    assert served_by() == ["replica", "replica", "primary"]


def test_replica_adds_no_round_trip(
    replicated_shop: ReplicatedShop,
) -> None:
    told: list[str] = []
    assert replicated_shop.round_trips(lambda: told.append(replicated_shop.set_price("2.00"))) == (
        1,
        0,
    )
    replicated_shop.replica.wait_for_lsn(told[0])
    assert replicated_shop.round_trips(replicated_shop.price) == (0, 1)
    assert replicated_shop.round_trips(lambda: replicated_shop.price(told[0])) == (0, 1)
    assert replicated_shop.round_trips(lambda: replicated_shop.price(UNREACHED_LSN)) == (1, 1)


@pytest.mark.parametrize(
    "target",
    [
        "/api/products?sort=price:desc&include_total=true",
        "/api/categories",
        "/api/inventory",
        "/api/inventory/{mug}",
        "/api/analytics/sales?start_date=2026-01-01&end_date=2026-01-02",
        "/api/analytics/popular-products",
        ADHOC_SQL_PATH,
        "/api/graphql?query={{products{{nodes{{id category{{products{{name}}}}}}}}}}",
        '/api/graphql?query={{salesAnalytics(startDate:"2026-01-01",endDate:"2026-01-02"){{day}}}}',
        "/api/users",
        "/api/orders",
        "/api/imports",
        "/api/graphql?query={{products{{nodes{{id}}}}orders{{nodes{{id}}}}}}",
    ],
)
def test_only_catalog_and_analytics_use_the_replica(
    replicated_shop: ReplicatedShop, served_by: Callable[[], list[str]], target: str
) -> None:
    by_reader = not any(word in target for word in ("users", "orders{", "/orders", "imports"))
    (
        replicated_shop.get(target),
        replicated_shop.get(target, min_lsn="0/1"),
        replicated_shop.get(target, min_lsn=UNREACHED_LSN),
    )
    assert served_by() == (["replica", "replica", "primary"] if by_reader else ["", "", ""])


def write_twice(
    replicated_shop: ReplicatedShop, method: str, target: str, body: Any, **headers: str
) -> list[ApiResponse]:
    user = replicated_shop.shop.sql("SELECT id FROM users")[0][0]
    body = json.loads(
        json.dumps(body).replace('"{mug}"', str(replicated_shop.mug)).replace('"{user}"', str(user))
    )
    return [
        replicated_shop.shop.call(method, target.format(mug=replicated_shop.mug), body, **headers)
        for _ in range(2)
    ]


ORDER = {"user_id": "{user}", "items": [{"product_id": "{mug}", "quantity": 1}]}
DELETE_MUTATION = {
    "query": "mutation ($id: ID!) { deleteProduct(id: $id) }",
    "variables": {"id": "{mug}"},
}


@pytest.mark.parametrize(
    ("write", "statuses"),
    [
        (("POST", "/api/categories", {"name": "Bowls"}), [201, 409]),
        (("POST", "/api/orders", ORDER), [201, 201]),
        (("PUT", "/api/inventory/{mug}", {"quantity": 3}), [200, 200]),
        (
            ("PATCH", "/api/inventory", {"updates": [{"product_id": "{mug}", "quantity": 4}]}),
            [200, 200],
        ),
        (("DELETE", PRODUCT_PATH, None), [204, 404]),
        (("POST", "/api/graphql", DELETE_MUTATION), [200, 200]),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_every_write_returns_an_lsn(
    replicated_shop: ReplicatedShop, write: tuple[str, str, Any], statuses: list[int]
) -> None:
    """Rejected writes too: the client then reads the row that caused the conflict."""
    replicated_shop.shop.add_user()
    before = replicated_shop.set_price("2.00")
    done = write_twice(replicated_shop, *write)
    assert [response.status for response in done] == statuses
    first, second = (parse_lsn(response.headers[MIN_LSN_HEADER]) for response in done)
    assert parse_lsn(before) < first <= second
    assert MIN_LSN_HEADER not in replicated_shop.shop.get("/api/users").headers


def test_replayed_response_returns_an_lsn(
    replicated_shop: ReplicatedShop,
) -> None:
    replicated_shop.shop.add_user()
    first, again = write_twice(replicated_shop, "POST", "/api/orders", ORDER, idempotency_key="k")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert parse_lsn(again.headers[MIN_LSN_HEADER]) >= parse_lsn(first.headers[MIN_LSN_HEADER])


@pytest.mark.parametrize("lagging", [False, True], ids=["streaming", "paused"])
def test_concurrent_writers_read_own_writes(replicated_shop: ReplicatedShop, lagging: bool) -> None:
    writers, rounds = 8, 12
    settings = runtime.current().settings
    assert settings.replica is not None
    wide = runtime.build(
        replace(
            settings,
            database=replace(settings.database, pool_size=writers),
            replica=replace(settings.replica, pool_size=writers),
        )
    )
    mugs = [replicated_shop.shop.add_product(f"Mug {n}") for n in range(writers)]

    def write_and_read(n: int) -> list[tuple[bool, str]]:
        seen = []
        for price in range(1, rounds + 1):
            with request_stats.collect() as writing:
                wide.products.update(mugs[n], {"price": f"{price}.00"})
            with request_stats.collect() as reading:
                reading.min_lsn = writing.commit_lsn
                found = json.loads(wide.products.get_by_id(mugs[n]).json)["price"]
            seen.append((found == f"{price}.00", reading.served_by))
        return seen

    if lagging:
        with replicated_shop.replica.replay_paused():
            met = run_concurrently(writers, write_and_read)
    else:
        met = run_concurrently(writers, write_and_read)
    wide.close_clients(), wide.database.dispose()
    seen = [one for many in met if isinstance(many, list) for one in many]
    assert [fresh for fresh, _ in seen] == [True] * writers * rounds
    if lagging:
        assert {by for _, by in seen} == {"primary"}


def test_pages_continue_on_the_other_server(replicated_shop: ReplicatedShop) -> None:
    for n in range(5):
        replicated_shop.shop.add_product(f"Mug {n}")
    replicated_shop.replica.wait_for_lsn(runtime.current().schema.position())
    names, cursor = [], ""
    for min_lsn in ("0/1", UNREACHED_LSN, "", UNREACHED_LSN):
        page = replicated_shop.get(
            f"/api/products?limit=2&sort=name:asc{cursor}", min_lsn=min_lsn
        ).json
        names += [row["name"] for row in page["data"]]
        if page["pagination"]["next_cursor"] is None:
            break
        cursor = f"&cursor={page['pagination']['next_cursor']}"
    assert names == ["Mug", *(f"Mug {n}" for n in range(5))]


def test_etag_belongs_to_the_server_that_answered(replicated_shop: ReplicatedShop) -> None:
    old = replicated_shop.get()
    with replicated_shop.replica.replay_paused():
        written = replicated_shop.shop.patch(
            PRODUCT_PATH.format(mug=replicated_shop.mug), {"price": "2.00"}
        )
        new = replicated_shop.get(min_lsn=written.headers[MIN_LSN_HEADER])
        assert (
            new.headers["ETag"]
            == written.headers["ETag"]
            != old.headers["ETag"]
            == replicated_shop.get().headers["ETag"]
        )
        held = {"if_none_match": old.headers["ETag"]}
        target = PRODUCT_PATH.format(mug=replicated_shop.mug)
        assert replicated_shop.shop.get(target, **held).status == 304
        assert (
            replicated_shop.shop.get(
                target, **held, x_sluice_min_lsn=written.headers[MIN_LSN_HEADER]
            ).status
            == 200
        )
        stale = replicated_shop.shop.patch(
            target, {"price": "3.00"}, if_match=replicated_shop.get().headers["ETag"]
        )
        assert stale.status == 412
        fresh = replicated_shop.get(min_lsn=stale.headers[MIN_LSN_HEADER]).headers["ETag"]
        assert replicated_shop.shop.patch(target, {"price": "3.00"}, if_match=fresh).status == 200


@pytest.mark.parametrize("token", ["0", "0/", "g/1", "0/1, 0/2", "0/123456789", "' OR 1=1", "-1/0"])
def test_invalid_lsn_is_400(replicated_shop: ReplicatedShop, token: str) -> None:
    response = replicated_shop.shop.get("/api/products", x_sluice_min_lsn=token)
    assert (response.status, response.code) == (400, "invalid_request")
    assert MIN_LSN_HEADER in response.json["detail"]


def test_cors_allows_and_exposes_the_lsn_header(replicated_shop: ReplicatedShop) -> None:
    built = runtime.current()
    open_to = replace(built.settings, cors_origins=("https://shop.example",))
    runtime.set_current(runtime.Runtime(open_to, built.database, replica=built.replica))
    told = replicated_shop.shop.call(
        "OPTIONS", "/api/products", None, origin="https://shop.example"
    ).headers
    assert MIN_LSN_HEADER in told["Access-Control-Allow-Headers"].split(", ")
    assert MIN_LSN_HEADER in told["Access-Control-Expose-Headers"].split(", ")


def test_without_replica_the_header_is_ignored(shop: Shop) -> None:
    mug = shop.add_product("Mug")
    assert MIN_LSN_HEADER not in shop.patch(f"/api/products/{mug}", {"price": 2}).headers
    assert shop.get(f"/api/products/{mug}", x_sluice_min_lsn="nonsense").status == 200
    assert "replica" not in shop.get("/health/ready").json


def test_readiness_shows_replica_lag(
    replicated_shop: ReplicatedShop,
) -> None:
    ready = replicated_shop.get("/health/ready").json["replica"]
    assert (ready["reachable"], ready["lag_bytes"], ready["lag_seconds"]) == (True, 0, 0)
    assert (ready["pool"]["size"], ready["breaker"]["state"]) == (1, "closed")
    with replicated_shop.replica.replay_paused():
        replicated_shop.set_price("2.00")
        behind = replicated_shop.get("/health/ready").json["replica"]
        assert behind["lag_bytes"] > 0 < behind["lag_seconds"]
    replicated_shop.replica_proxy.close()
    away = replicated_shop.get("/health/ready").json["replica"]
    assert (away["reachable"], away["lag_bytes"], away["breaker"]["state"]) == (False, None, "open")


def test_metrics_cover_both_servers(
    replicated_shop: ReplicatedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    replicated_shop.get(), replicated_shop.get(), replicated_shop.get(min_lsn=UNREACHED_LSN)
    capsys.readouterr()
    MetricsEmitter().emit(runtime.current())
    told = json.loads(capsys.readouterr().out)
    assert (told["replica_reads"], told["replica_fallbacks"]) == (
        [3],
        [1],
    )  # one request was sent by the fixture
    assert (told["pool_size"], told["replica_pool_size"], told["replica_pool_use"]) == (
        [1],
        [1],
        [50],
    )
    assert (told["breaker_open"], told["replica_breaker_open"]) == ([0], [0])


def refuse(replicated_shop: ReplicatedShop) -> None:
    replicated_shop.replica_proxy.close()


def reset(replicated_shop: ReplicatedShop) -> None:
    replicated_shop.replica_proxy.reset_connections()


def freeze(replicated_shop: ReplicatedShop) -> None:
    replicated_shop.replica_proxy.drop_data()


@pytest.mark.parametrize("fault", [refuse, reset, freeze])
def test_primary_answers_while_replica_is_down(
    replicated_shop: ReplicatedShop,
    served_by: Callable[[], list[str]],
    fault: Callable[[ReplicatedShop], None],
) -> None:
    """Only the first two requests try the replica: one read, then one attempt to connect."""
    replicated_shop.shop.timeout = 2.0
    fault(replicated_shop)
    began = time.monotonic()
    assert [replicated_shop.price() for _ in range(2)] == ["1.00"] * 2
    assert time.monotonic() - began < 2.0
    connections = replicated_shop.replica_proxy.connections
    assert replicated_shop.round_trips(lambda: [replicated_shop.price() for _ in range(8)]) == (
        8,
        0,
    )
    assert replicated_shop.replica_proxy.connections == connections
    assert served_by() == ["primary"] * 10
    assert runtime.current().database.breaker.state == "closed"


def test_replica_is_used_again_after_an_outage(
    replicated_shop: ReplicatedShop, served_by: Callable[[], list[str]]
) -> None:
    replicated_shop.replica_proxy.close()
    replicated_shop.price(), replicated_shop.price()
    replicated_shop.replica_proxy.open()
    wait_until(
        lambda: (replicated_shop.price(), served_by()[-1])[1] == "replica", "the reader's return"
    )


def test_replica_serves_reads_while_primary_is_down(
    replicated_shop: ReplicatedShop,
) -> None:
    position = replicated_shop.set_price("2.00")
    replicated_shop.replica.wait_for_lsn(position)
    assert replicated_shop.price(UNREACHED_LSN) == "2.00"
    replicated_shop.primary_proxy.close()
    assert replicated_shop.shop.get("/api/users").code == "database_unavailable"
    assert [replicated_shop.price(), replicated_shop.price(position)] == ["2.00", "2.00"]
    beyond = replicated_shop.shop.get(
        PRODUCT_PATH.format(mug=replicated_shop.mug), x_sluice_min_lsn=UNREACHED_LSN
    )
    assert beyond.code == "circuit_open", "what was kept could be older than was asked for"
    replicated_shop.replica_proxy.close()
    assert replicated_shop.price() == "2.00"  # a stale response, marked by a Warning header
    assert "Warning" in replicated_shop.get().headers


SLOW_ON_REPLICA = """
    SELECT count(*) AS n FROM categories
    WHERE CASE WHEN pg_is_in_recovery() THEN CAST(pg_sleep(9) AS text) = '' ELSE true END
"""


def test_recovery_conflict_is_retried_on_the_primary(
    replicated_shop: ReplicatedShop,
) -> None:
    """The replica replays a lock of the primary and cancels the read with SQLSTATE 40001."""
    replicated_shop.replica.run("ALTER SYSTEM SET max_standby_streaming_delay = 0")
    replicated_shop.replica.run("SELECT pg_reload_conf()")
    built, met = runtime.current(), []
    assert built.replica is not None
    reads = built.replica.route_reads(built.database)

    def read() -> None:
        with request_stats.collect() as taken:
            taken.min_lsn = ""
            met.append((reads.read(SLOW_ON_REPLICA)[0].n, taken.served_by))

    thread = threading.Thread(target=read)
    thread.start()
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    wait_until(lambda: replicated_shop.replica.run(sleeping) == [[1]], "the read")
    replicated_shop.shop.sql("DO $$ BEGIN LOCK TABLE categories IN ACCESS EXCLUSIVE MODE; END $$")
    thread.join()
    replicated_shop.replica.run("ALTER SYSTEM RESET max_standby_streaming_delay")
    replicated_shop.replica.run("SELECT pg_reload_conf()")
    assert met == [(1, "primary")]


def test_write_succeeds_without_its_lsn(
    replicated_shop: ReplicatedShop,
) -> None:
    """It returns an LSN that no replica has reached, so reads with it use the primary."""
    replicated_shop.shop.sql("REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn FROM PUBLIC")
    assert replicated_shop.set_price("2.00") == UNREACHED_LSN
    query = 'mutation ($id: ID!) { updateProduct(id: $id, input: {price: "3.00"}) { price } }'
    mutation = replicated_shop.shop.graphql(query, {"id": replicated_shop.mug})
    replicated_shop.shop.sql("GRANT EXECUTE ON FUNCTION pg_current_wal_insert_lsn TO PUBLIC")
    assert (mutation.json["data"], mutation.headers[MIN_LSN_HEADER]) == (
        {"updateProduct": {"price": "3.00"}},
        UNREACHED_LSN,
    )
    assert replicated_shop.price(UNREACHED_LSN) == "3.00"


def test_promoted_replica_serves_only_old_reads(
    replicated_shop: ReplicatedShop,
    postgres_server: PostgresServer,
    served_by: Callable[[], list[str]],
) -> None:
    with replica_of(postgres_server) as promoted:
        before = replicated_shop.set_price("2.00")
        promoted.wait_for_lsn(before)
        promoted.run("SELECT pg_promote()")
        later = replicated_shop.set_price("3.00")
        settings = runtime.current().settings
        assert settings.replica is not None
        alone = runtime.build(
            replace(settings, replica=replace(settings.replica, port=promoted.port))
        )
        runtime.set_current(alone)
        served_by()
        assert [
            replicated_shop.price(),
            replicated_shop.price(before),
            replicated_shop.price(later),
        ] == ["2.00", "2.00", "3.00"]
        assert served_by() == ["replica", "replica", "primary"]
        runtime.set_current(None)
        alone.database.dispose()


def test_endpoint_without_replica_is_the_primary(
    replicated_shop: ReplicatedShop, served_by: Callable[[], list[str]]
) -> None:
    """The reader endpoint of an Aurora cluster with a single instance resolves to the primary."""
    settings = runtime.current().settings
    alone = runtime.build(
        replace(settings, replica=replace(settings.database, deadline_share=REPLICA_DEADLINE_SHARE))
    )
    runtime.set_current(alone)
    position = replicated_shop.set_price("2.00")
    assert [replicated_shop.price(), replicated_shop.price(position)] == ["2.00", "2.00"]
    assert served_by() == ["", "replica", "primary"]
    assert replicated_shop.get("/health/ready").json["replica"]["lag_bytes"] is None
    runtime.set_current(None)
    alone.database.dispose()


@pytest.mark.parametrize("min_lsn", ["", "0/1", UNREACHED_LSN])
def test_negative_sql_limit_is_422(replicated_shop: ReplicatedShop, min_lsn: str) -> None:
    body = {"query": "select price from products limit -1"}
    response = replicated_shop.shop.post(
        "/api/analytics/query", body, **({"x_sluice_min_lsn": min_lsn} if min_lsn else {})
    )
    assert (response.status, response.code) == (422, "validation_failed")
