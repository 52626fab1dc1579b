"""Reads from a replica that streams from the primary: who answers, how new that is, and what it costs on the wire.

Replay is paused and resumed, so how far the replica is behind is exact.
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

FAR = "FFFFFFFF/FFFFFFFF"
SQL = "/api/analytics/query?query=select price from products"


def place(position: str) -> int:
    high, low = position.split("/")
    return int(high, 16) << 32 | int(low, 16)


@pytest.fixture
def served_by(
    replicated_shop: ReplicatedShop, capsys: pytest.CaptureFixture[str]
) -> Callable[[], list[str]]:
    """`served_by()`: what the requests' lines tell, since it was asked last."""
    capsys.readouterr()

    def told() -> list[str]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line.get("served_by", "") for line in lines if "request_id" in line]

    return told


def test_who_shows_what_a_write_told_reads_it_and_who_does_not_reads_what_there_is(
    replicated_shop: ReplicatedShop, served_by: Callable[[], list[str]]
) -> None:
    with replicated_shop.replica.replay_paused():
        position = replicated_shop.set_price("2.00")
        assert [
            replicated_shop.price(),
            replicated_shop.price(position),
            replicated_shop.price(FAR),
        ] == ["1.00", "2.00", "2.00"]
        assert served_by() == ["", "replica", "primary", "primary"]
    replicated_shop.replica.wait_for_lsn(position)
    assert [
        replicated_shop.price(),
        replicated_shop.price(position),
        replicated_shop.price(FAR),
    ] == ["2.00", "2.00", "2.00"]
    assert served_by() == ["replica", "replica", "primary"]


def test_neither_a_write_nor_a_read_takes_a_round_trip_more(
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
    assert replicated_shop.round_trips(lambda: replicated_shop.price(FAR)) == (1, 1)


@pytest.mark.parametrize(
    "target",
    [
        "/api/products?sort=price:desc&include_total=true",
        "/api/categories",
        "/api/inventory",
        "/api/inventory/{mug}",
        "/api/analytics/sales?start_date=2026-01-01&end_date=2026-01-02",
        "/api/analytics/popular-products",
        SQL,
        "/api/graphql?query={{products{{nodes{{id category{{products{{name}}}}}}}}}}",
        '/api/graphql?query={{salesAnalytics(startDate:"2026-01-01",endDate:"2026-01-02"){{day}}}}',
        "/api/users",
        "/api/orders",
        "/api/imports",
        "/api/graphql?query={{products{{nodes{{id}}}}orders{{nodes{{id}}}}}}",
    ],
)
def test_the_catalogue_and_analytics_are_read_from_the_reader_and_the_rest_is_not(
    replicated_shop: ReplicatedShop, served_by: Callable[[], list[str]], target: str
) -> None:
    by_reader = not any(word in target for word in ("users", "orders{", "/orders", "imports"))
    (
        replicated_shop.get(target),
        replicated_shop.get(target, min_lsn="0/1"),
        replicated_shop.get(target, min_lsn=FAR),
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
MUTATION = {"query": "mutation ($id: ID!) { deleteProduct(id: $id) }", "variables": {"id": "{mug}"}}


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
        (("POST", "/api/graphql", MUTATION), [200, 200]),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_every_write_tells_a_position_done_or_refused(
    replicated_shop: ReplicatedShop, write: tuple[str, str, Any], statuses: list[int]
) -> None:
    """Who is refused wants to see why: the row that changed, the name that is taken."""
    replicated_shop.shop.add_user()
    before = replicated_shop.set_price("2.00")
    done = write_twice(replicated_shop, *write)
    assert [response.status for response in done] == statuses
    first, second = (place(response.headers[MIN_LSN_HEADER]) for response in done)
    assert place(before) < first <= second
    assert MIN_LSN_HEADER not in replicated_shop.shop.get("/api/users").headers


def test_an_answer_that_is_given_again_tells_a_position_behind_the_first(
    replicated_shop: ReplicatedShop,
) -> None:
    replicated_shop.shop.add_user()
    first, again = write_twice(replicated_shop, "POST", "/api/orders", ORDER, idempotency_key="k")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert place(again.headers[MIN_LSN_HEADER]) >= place(first.headers[MIN_LSN_HEADER])


@pytest.mark.parametrize("lagging", [False, True], ids=["streaming", "paused"])
def test_of_many_who_write_at_once_each_reads_its_own(
    replicated_shop: ReplicatedShop, lagging: bool
) -> None:
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


def test_a_list_goes_on_across_both_servers(replicated_shop: ReplicatedShop) -> None:
    for n in range(5):
        replicated_shop.shop.add_product(f"Mug {n}")
    replicated_shop.replica.wait_for_lsn(runtime.current().schema.position())
    names, cursor = [], ""
    for min_lsn in ("0/1", FAR, "", FAR):
        page = replicated_shop.get(
            f"/api/products?limit=2&sort=name:asc{cursor}", min_lsn=min_lsn
        ).json
        names += [row["name"] for row in page["data"]]
        if page["pagination"]["next_cursor"] is None:
            break
        cursor = f"&cursor={page['pagination']['next_cursor']}"
    assert names == ["Mug", *(f"Mug {n}" for n in range(5))]


def test_an_etag_is_that_of_what_is_answered(replicated_shop: ReplicatedShop) -> None:
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
def test_what_is_no_position_is_refused_by_name(
    replicated_shop: ReplicatedShop, token: str
) -> None:
    response = replicated_shop.shop.get("/api/products", x_sluice_min_lsn=token)
    assert (response.status, response.code) == (400, "invalid_request")
    assert MIN_LSN_HEADER in response.json["detail"]


def test_pages_of_other_origins_may_show_and_see_it(replicated_shop: ReplicatedShop) -> None:
    built = runtime.current()
    open_to = replace(built.settings, cors_origins=("https://shop.example",))
    runtime.set_current(runtime.Runtime(open_to, built.database, replica=built.replica))
    told = replicated_shop.shop.call(
        "OPTIONS", "/api/products", None, origin="https://shop.example"
    ).headers
    assert MIN_LSN_HEADER in told["Access-Control-Allow-Headers"].split(", ")
    assert MIN_LSN_HEADER in told["Access-Control-Expose-Headers"].split(", ")


def test_without_a_reader_nothing_is_told_asked_or_refused(shop: Shop) -> None:
    mug = shop.add_product("Mug")
    assert MIN_LSN_HEADER not in shop.patch(f"/api/products/{mug}", {"price": 2}).headers
    assert shop.get(f"/api/products/{mug}", x_sluice_min_lsn="nonsense").status == 200
    assert "replica" not in shop.get("/health/ready").json


def test_it_is_told_whether_the_reader_is_there_and_how_far_behind(
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


def test_both_pools_and_who_answered_are_metrics(
    replicated_shop: ReplicatedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    replicated_shop.get(), replicated_shop.get(), replicated_shop.get(min_lsn=FAR)
    capsys.readouterr()
    MetricsEmitter().emit(runtime.current())
    told = json.loads(capsys.readouterr().out)
    assert (told["replica_reads"], told["replica_fallbacks"]) == ([3], [1])  # one was the fixture's
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
def test_while_the_reader_is_away_the_primary_answers_and_few_wait(
    replicated_shop: ReplicatedShop,
    served_by: Callable[[], list[str]],
    fault: Callable[[ReplicatedShop], None],
) -> None:
    """One finds out in half of its time; the next tries to connect, for as long as that may take; and no other does."""
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


def test_when_the_reader_is_back_it_answers(
    replicated_shop: ReplicatedShop, served_by: Callable[[], list[str]]
) -> None:
    replicated_shop.replica_proxy.close()
    replicated_shop.price(), replicated_shop.price()
    replicated_shop.replica_proxy.open()
    wait_until(
        lambda: (replicated_shop.price(), served_by()[-1])[1] == "replica", "the reader's return"
    )


def test_while_the_primary_is_away_the_reader_answers_those_for_whom_it_is_new_enough(
    replicated_shop: ReplicatedShop,
) -> None:
    position = replicated_shop.set_price("2.00")
    replicated_shop.replica.wait_for_lsn(position)
    assert replicated_shop.price(FAR) == "2.00"
    replicated_shop.primary_proxy.close()
    assert replicated_shop.shop.get("/api/users").code == "database_unavailable"
    assert [replicated_shop.price(), replicated_shop.price(position)] == ["2.00", "2.00"]
    beyond = replicated_shop.shop.get(
        PRODUCT_PATH.format(mug=replicated_shop.mug), x_sluice_min_lsn=FAR
    )
    assert beyond.code == "circuit_open", "what was kept could be older than was asked for"
    replicated_shop.replica_proxy.close()
    assert replicated_shop.price() == "2.00"  # that is old, and says so
    assert "Warning" in replicated_shop.get().headers


SLOW_THERE = """
    SELECT count(*) AS n FROM categories
    WHERE CASE WHEN pg_is_in_recovery() THEN CAST(pg_sleep(9) AS text) = '' ELSE true END
"""


def test_what_replay_ends_on_the_reader_is_asked_of_the_primary(
    replicated_shop: ReplicatedShop,
) -> None:
    """A lock that the primary took and the reader has to follow: 40001, canceling statement due to conflict."""
    replicated_shop.replica.run("ALTER SYSTEM SET max_standby_streaming_delay = 0")
    replicated_shop.replica.run("SELECT pg_reload_conf()")
    built, met = runtime.current(), []
    assert built.replica is not None
    reads = built.replica.route_reads(built.database)

    def read() -> None:
        with request_stats.collect() as taken:
            taken.min_lsn = ""
            met.append((reads.read(SLOW_THERE)[0].n, taken.served_by))

    thread = threading.Thread(target=read)
    thread.start()
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    wait_until(lambda: replicated_shop.replica.run(sleeping) == [[1]], "the read")
    replicated_shop.shop.sql("DO $$ BEGIN LOCK TABLE categories IN ACCESS EXCLUSIVE MODE; END $$")
    thread.join()
    replicated_shop.replica.run("ALTER SYSTEM RESET max_standby_streaming_delay")
    replicated_shop.replica.run("SELECT pg_reload_conf()")
    assert met == [(1, "primary")]


def test_a_write_is_kept_though_its_position_cannot_be_told(
    replicated_shop: ReplicatedShop,
) -> None:
    """It is then taken to be where no reader is."""
    replicated_shop.shop.sql("REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn FROM PUBLIC")
    assert replicated_shop.set_price("2.00") == FAR
    query = 'mutation ($id: ID!) { updateProduct(id: $id, input: {price: "3.00"}) { price } }'
    mutation = replicated_shop.shop.graphql(query, {"id": replicated_shop.mug})
    replicated_shop.shop.sql("GRANT EXECUTE ON FUNCTION pg_current_wal_insert_lsn TO PUBLIC")
    assert (mutation.json["data"], mutation.headers[MIN_LSN_HEADER]) == (
        {"updateProduct": {"price": "3.00"}},
        FAR,
    )
    assert replicated_shop.price(FAR) == "3.00"


def test_a_replica_that_was_promoted_has_what_it_had_and_nothing_that_came_later(
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


def test_who_replays_nothing_answers_those_who_show_no_position(
    replicated_shop: ReplicatedShop, served_by: Callable[[], list[str]]
) -> None:
    """The reader endpoint of a cluster that has one instance alone leads to the primary."""
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


@pytest.mark.parametrize("min_lsn", ["", "0/1", FAR])
def test_a_limit_under_0_is_an_analysts_own_fault(
    replicated_shop: ReplicatedShop, min_lsn: str
) -> None:
    body = {"query": "select price from products limit -1"}
    response = replicated_shop.shop.post(
        "/api/analytics/query", body, **({"x_sluice_min_lsn": min_lsn} if min_lsn else {})
    )
    assert (response.status, response.code) == (422, "validation_failed")
