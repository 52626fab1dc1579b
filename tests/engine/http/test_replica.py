"""Reads from a streaming replica: which server answers, how fresh it is, and the round trips.

The tests pause and resume WAL replay, so the lag is exact.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sluice import request_context, runtime
from sluice.http.metrics import MetricsEmitter
from sluice.sql.health import HealthRepository
from tests.fixtures.concurrency import run_concurrently
from tests.fixtures.graph import error_codes
from tests.fixtures.replica import MIN_LSN_HEADER, Replicated
from tests.fixtures.sample import Library
from tests.fixtures.waiting import wait_until

UNREACHED_LSN = "FFFFFFFF/FFFFFFFF"
ADHOC_SQL_PATH = "/api/analytics/query?query=select price from books"


def parse_lsn(lsn: str) -> int:
    high, low = lsn.split("/")
    return int(high, 16) << 32 | int(low, 16)


def test_min_lsn_header_reads_own_writes(
    replicated: Replicated, served_by: Callable[[], list[str]]
) -> None:
    with replicated.replica.replay_paused():
        lsn = replicated.set_price("2.00")
        prices = [replicated.price(min_lsn) for min_lsn in ("", lsn, UNREACHED_LSN)]
        assert prices == ["1.00", "2.00", "2.00"]
        assert served_by() == ["", "replica", "primary", "primary"]
    replicated.replica.wait_for_lsn(lsn)
    prices = [replicated.price(min_lsn) for min_lsn in ("", lsn, UNREACHED_LSN)]
    assert prices == ["2.00", "2.00", "2.00"]
    assert served_by() == ["replica", "replica", "primary"]


def test_replica_adds_no_round_trip(replicated: Replicated) -> None:
    lsns: list[str] = []
    assert replicated.round_trips(lambda: lsns.append(replicated.set_price("2.00"))) == (1, 0)
    replicated.replica.wait_for_lsn(lsns[0])
    assert replicated.round_trips(replicated.price) == (0, 1)
    assert replicated.round_trips(lambda: replicated.price(lsns[0])) == (0, 1)
    assert replicated.round_trips(lambda: replicated.price(UNREACHED_LSN)) == (1, 1)


@pytest.mark.parametrize(
    "target",
    [
        "/api/books?sort=price:desc&include_total=true",
        "/api/books/{id}",
        "/api/shelves",
        ADHOC_SQL_PATH,
        "/api/graphql?query={{books{{nodes{{id shelf{{books{{name}}}}}}}}}}",
        "/api/readers",
        "/api/imports",
        '/api/graphql?query={{books{{nodes{{id}}}}reader(id:"1"){{id}}}}',
    ],
)
def test_only_registered_scopes_use_the_replica(
    replicated: Replicated, served_by: Callable[[], list[str]], target: str
) -> None:
    primary_only = any(word in target for word in ("reader", "imports"))
    for min_lsn in ("", "0/1", UNREACHED_LSN):
        replicated.get(target, min_lsn=min_lsn)
    assert served_by() == (["", "", ""] if primary_only else ["replica", "replica", "primary"])


@pytest.mark.parametrize(
    ("method", "target", "body", "statuses"),
    [
        ("POST", "/api/shelves", {"name": "Poems", "slug": "poems"}, [201, 409]),
        ("PATCH", "/api/books/{id}", {"copies": 3}, [200, 200]),
        ("DELETE", "/api/books/{id}", None, [204, 404]),
    ],
    ids=["insert", "update", "delete"],
)
def test_every_write_returns_an_lsn(
    replicated: Replicated, method: str, target: str, body: Any, statuses: list[int]
) -> None:
    """Rejected writes return one, too: the client then reads the row that caused the conflict."""
    before = replicated.set_price("2.00")
    path = target.format(id=replicated.id)
    responses = [replicated.client.call(method, path, body) for _ in range(2)]
    assert [response.status for response in responses] == statuses
    first, second = (parse_lsn(response.headers[MIN_LSN_HEADER]) for response in responses)
    assert parse_lsn(before) < first <= second
    assert MIN_LSN_HEADER not in replicated.client.get("/api/readers").headers


def test_mutation_returns_an_lsn(replicated: Replicated) -> None:
    """Also one that is rolled back, as a rejected write of REST does."""
    before = replicated.set_price("2.00")
    replicated.client.add_shelf("novels")
    query = 'mutation { addBook(input: {name: "Emma", price: "1", shelf: "novels"}) { id } }'
    responses = [replicated.client.graphql(query) for _ in range(2)]
    assert error_codes(responses[1]) == ["duplicate"]
    first, second = (parse_lsn(response.headers[MIN_LSN_HEADER]) for response in responses)
    assert parse_lsn(before) < first <= second


def test_replayed_response_returns_an_lsn(replicated: Replicated) -> None:
    body = {"email": "ada@example.com", "name": "Ada"}
    first, again = (
        replicated.client.post("/api/readers", body, idempotency_key="k") for _ in range(2)
    )
    assert again.headers["Idempotency-Replayed"] == "true"
    assert parse_lsn(again.headers[MIN_LSN_HEADER]) >= parse_lsn(first.headers[MIN_LSN_HEADER])


@pytest.mark.parametrize("lagging", [False, True], ids=["streaming", "paused"])
def test_concurrent_writers_read_own_writes(replicated: Replicated, lagging: bool) -> None:
    writers = 8
    rounds = 12
    settings = runtime.current().settings
    assert settings.replica is not None
    pooled = runtime.build(
        settings._replace(
            database=settings.database._replace(pool_size=writers),
            replica=settings.replica._replace(pool_size=writers),
        )
    )
    mugs = [replicated.client.add_book(f"Mug {n}") for n in range(writers)]

    def write_and_read(n: int) -> list[tuple[bool, str]]:
        seen = []
        for price in range(1, rounds + 1):
            with request_context.begin(60) as writing:
                pooled.named("books").update((mugs[n],), {"price": f"{price}.00"})
            with request_context.begin(60) as reading:
                reading.database.min_lsn = writing.database.commit_lsn
                found = json.loads(pooled.named("books").get_by_id((mugs[n],)).json)["price"]
            seen.append((found == f"{price}.00", reading.database.served_by))
        return seen

    if lagging:
        with replicated.replica.replay_paused():
            results = run_concurrently(writers, write_and_read)
    else:
        results = run_concurrently(writers, write_and_read)
    pooled.close_clients()
    pooled.database.dispose()
    seen = [read for result in results if isinstance(result, list) for read in result]
    assert [is_fresh for is_fresh, _ in seen] == [True] * writers * rounds
    if lagging:
        assert {server for _, server in seen} == {"primary"}


def test_pages_continue_on_the_other_server(replicated: Replicated) -> None:
    for n in range(5):
        replicated.client.add_book(f"q{n}")
    replicated.replica.wait_for_lsn(HealthRepository(runtime.current().database).current_lsn())
    names: list[str] = []
    cursor = ""
    for min_lsn in ("0/1", UNREACHED_LSN, "", UNREACHED_LSN):
        page = replicated.get(f"/api/books?limit=2&sort=name:asc{cursor}", min_lsn=min_lsn).json
        names += [row["name"] for row in page["data"]]
        if page["pagination"]["next_cursor"] is None:
            break
        cursor = f"&cursor={page['pagination']['next_cursor']}"
    assert names == ["name 6", *(f"q{n}" for n in range(5))]


def test_etag_belongs_to_the_server_that_answered(replicated: Replicated) -> None:
    old = replicated.get()
    with replicated.replica.replay_paused():
        written = replicated.client.patch(replicated.path, {"price": "2.00"})
        new = replicated.get(min_lsn=written.headers[MIN_LSN_HEADER])
        assert new.headers["ETag"] == written.headers["ETag"]
        assert replicated.get().headers["ETag"] == old.headers["ETag"] != new.headers["ETag"]
        target = replicated.path
        conditions = {"if_none_match": old.headers["ETag"]}
        assert replicated.client.get(target, **conditions).status == 304
        conditions["x_sluice_min_lsn"] = written.headers[MIN_LSN_HEADER]
        assert replicated.client.get(target, **conditions).status == 200
        old_etag = replicated.get().headers["ETag"]
        stale = replicated.client.patch(target, {"price": "3.00"}, if_match=old_etag)
        assert stale.status == 412
        fresh = replicated.get(min_lsn=stale.headers[MIN_LSN_HEADER]).headers["ETag"]
        assert replicated.client.patch(target, {"price": "3.00"}, if_match=fresh).status == 200


@pytest.mark.parametrize("lsn", ["0", "0/", "g/1", "0/1, 0/2", "0/123456789", "' OR 1=1", "-1/0"])
def test_invalid_lsn_is_400(replicated: Replicated, lsn: str) -> None:
    response = replicated.client.get("/api/books", x_sluice_min_lsn=lsn)
    assert (response.status, response.code) == (400, "invalid_request")
    assert MIN_LSN_HEADER in response.json["detail"]


def test_cors_allows_and_exposes_the_lsn_header(replicated: Replicated) -> None:
    current = runtime.current()
    settings = current.settings._replace(cors_origins=("https://shop.example",))
    runtime.set_current(runtime.Runtime(settings, current.database, replica=current.replica))
    response = replicated.client.call("OPTIONS", "/api/books", origin="https://shop.example")
    assert MIN_LSN_HEADER in response.headers["Access-Control-Allow-Headers"].split(", ")
    assert MIN_LSN_HEADER in response.headers["Access-Control-Expose-Headers"].split(", ")


def test_without_replica_the_header_is_ignored(library: Library) -> None:
    id = library.add_book("Mug")
    assert MIN_LSN_HEADER not in library.patch(f"/api/books/{id}", {"price": 2}).headers
    assert library.get(f"/api/books/{id}", x_sluice_min_lsn="nonsense").status == 200
    assert "replica" not in library.get("/health/ready").json


def test_readiness_shows_replica_lag(replicated: Replicated) -> None:
    def state() -> dict[str, Any]:
        return dict(replicated.get("/health/ready").json["replica"])

    def has_no_lag() -> bool:
        ready = state()
        return (ready["reachable"], ready["lag_bytes"], ready["lag_seconds"]) == (True, 0, 0)

    wait_until(has_no_lag, "the replica to replay the log")
    ready = state()
    assert (ready["pool"]["size"], ready["breaker"]["state"]) == (1, "closed")
    with replicated.replica.replay_paused():
        replicated.set_price("2.00")
        lagging = replicated.get("/health/ready").json["replica"]
        assert lagging["lag_bytes"] > 0 < lagging["lag_seconds"]
    replicated.replica_proxy.close()
    down = replicated.get("/health/ready").json["replica"]
    assert (down["reachable"], down["lag_bytes"], down["breaker"]["state"]) == (False, None, "open")


def test_metrics_cover_both_servers(
    replicated: Replicated, capsys: pytest.CaptureFixture[str]
) -> None:
    replica = runtime.current().replica
    assert replica is not None
    replica.take_counts()  # the fixture's request, unless its metrics have been printed
    for min_lsn in ("", "", UNREACHED_LSN):
        replicated.get(min_lsn=min_lsn)
    capsys.readouterr()
    MetricsEmitter().emit(runtime.current())
    metrics = json.loads(capsys.readouterr().out)
    assert (metrics["replica_reads"], metrics["replica_fallbacks"]) == ([2], [1])
    pools = ("pool_size", "replica_pool_size", "replica_pool_use")
    assert [metrics[name] for name in pools] == [[1], [1], [50]]
    assert (metrics["breaker_open"], metrics["replica_breaker_open"]) == ([0], [0])


@pytest.mark.parametrize("min_lsn", ["", "0/1", UNREACHED_LSN])
def test_negative_sql_limit_is_422(replicated: Replicated, min_lsn: str) -> None:
    body = {"query": "select price from books limit -1"}
    headers = {"x_sluice_min_lsn": min_lsn} if min_lsn else {}
    response = replicated.client.post("/api/analytics/query", body, **headers)
    assert (response.status, response.code) == (422, "validation_failed")
