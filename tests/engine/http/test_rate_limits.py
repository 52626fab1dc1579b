"""Rate limits: quota headers, and 429 before the database is used."""

from collections.abc import Callable

import pytest

from local.api_keys import emulated_client
from sluice import runtime
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import Limiter
from sluice.settings import AwsSettings
from tests.fixtures.aws import AddApiKey
from tests.fixtures.sample import Library

DAY_SECONDS = 86_400  # a window long enough that no test crosses its end


@pytest.fixture
def tiers() -> Callable[..., None]:
    """Return `tiers(name=requests)`, which sets daily quotas in a new execution environment."""

    def install(**quotas: int) -> None:
        current = runtime.current()
        quotas_a_day = {name: (quota, DAY_SECONDS) for name, quota in quotas.items()}
        settings = current.settings._replace(rate_tiers=quotas_a_day)
        runtime.set_current(runtime.Runtime(settings, current.database))

    return install


def test_each_response_has_the_quota(
    library: Library, add_api_key: AddApiKey, tiers: Callable[..., None]
) -> None:
    tiers(default=100)
    key = add_api_key(f"quota {library.source_ip}", "library:read")
    responses = [
        library.get(path, x_api_key=key)
        for path in ("/api/books", "/api/books/1", "/api/books?x=1")
    ]
    responses.append(library.call("BREW", "/api/books", x_api_key=key))
    responses.append(library.post("/api/books", {}, x_api_key=key))

    assert [response.status for response in responses] == [200, 404, 400, 405, 403]
    assert {response.headers["RateLimit-Policy"] for response in responses} == {
        f'"default";q=100;w={DAY_SECONDS}'
    }
    remaining = [response.headers["RateLimit"].partition(";t=")[0] for response in responses]
    assert remaining == [f'"default";r={n}' for n in (99, 98, 97, 96, 95)]


def test_unknown_paths_count_against_the_quota(
    library: Library, add_api_key: AddApiKey, tiers: Callable[..., None]
) -> None:
    tiers(default=6)
    key = add_api_key(f"unknown path {library.source_ip}", "library:read")
    requests = [
        ("GET", "/api/nowhere"),
        ("POST", "/api/a/b"),
        ("DELETE", "/health"),
        ("PUT", "/api/books"),
    ]
    responses = [library.call(method, path, x_api_key=key) for method, path in requests]

    assert [response.status for response in responses] == [404, 404, 405, 405]
    remaining = [response.headers["RateLimit"].partition(";t=")[0] for response in responses]
    assert remaining == [f'"default";r={n}' for n in (5, 4, 3, 2)]
    assert [library.get("/api/books", x_api_key=key).status for _ in range(2)] == [200, 200]
    assert library.get("/api/nowhere", x_api_key=key).code == "rate_limited"


def test_unknown_credentials_are_401_on_any_path(library: Library, add_api_key: AddApiKey) -> None:
    """A guessed key is counted on every path. A 404 without credentials is not counted."""
    rejected = library.get("/api/nowhere", x_api_key="guess")
    assert (rejected.status, rejected.code) == (401, "unauthenticated")
    library.headers = {}
    assert library.get("/api/nowhere", authorization="Bearer x").status == 401
    assert (library.get("/api/nowhere").status, library.get("/api/books").status) == (404, 401)
    assert library.call("DELETE", "/health", x_api_key="guess").status == 401
    assert library.call("DELETE", "/health").status == 405
    assert [
        library.get(path, x_api_key="guess").status for path in ("/health", "/health/ready")
    ] == [
        200,
        200,
    ]
    expected = (404, False)
    assert (
        library.get("/nowhere").status,
        "RateLimit" in library.get("/nowhere").headers,
    ) == expected


def test_request_over_quota_is_429(
    library: Library, add_api_key: AddApiKey, tiers: Callable[..., None]
) -> None:
    tiers(default=2)
    key = add_api_key(f"over {library.source_ip}", "library:read")
    assert [library.get("/api/books", x_api_key=key).status for _ in range(2)] == [200, 200]
    runtime.current().database.dispose()

    rejected = library.get("/api/books", x_api_key=key)

    assert (rejected.status, rejected.code) == (429, "rate_limited")
    assert 0 < int(rejected.headers["Retry-After"]) <= 2 * DAY_SECONDS
    assert rejected.headers["RateLimit"].startswith('"default";r=0;t=')
    assert runtime.current().database.pool.metrics().checked_in == 0


def test_environments_share_the_quota(
    library: Library, add_api_key: AddApiKey, tiers: Callable[..., None]
) -> None:
    key = add_api_key(f"spread {library.source_ip}", "library:read")
    statuses = []
    for _ in range(5):
        tiers(default=3)
        statuses.append(library.get("/api/books", x_api_key=key).status)

    assert statuses == [200, 200, 200, 429, 429]


def test_client_has_one_quota_for_all_keys(
    library: Library, add_api_key: AddApiKey, tiers: Callable[..., None]
) -> None:
    tiers(default=1)
    client = {"S": f"two keys {library.source_ip}"}
    first, second = (
        add_api_key(f"{name} {library.source_ip}", "library:read", client=client)
        for name in ("first", "second")
    )

    assert library.get("/api/books", x_api_key=first).status == 200
    assert library.get("/api/books", x_api_key=second).status == 429


def test_each_tier_has_its_quota(
    library: Library, add_api_key: AddApiKey, tiers: Callable[..., None]
) -> None:
    tiers(default=1, partner=2)
    partner = add_api_key(f"partner {library.source_ip}", "library:read", tier={"S": "partner"})
    other = add_api_key(f"other {library.source_ip}", "library:read", tier={"S": "gone"})

    assert [library.get("/api/books", x_api_key=partner).status for _ in range(3)] == [
        200,
        200,
        429,
    ]
    assert [library.get("/api/books", x_api_key=other).status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    "addresses",
    [["203.0.113.7", "::ffff:203.0.113.7"], ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"]],
    ids=str,
)
def test_unauthenticated_requests_count_per_network(
    library: Library, emulated_aws: AwsSettings, addresses: list[str]
) -> None:
    current = runtime.current()
    dynamodb = emulated_client("dynamodb", emulated_aws.dynamodb_endpoint)
    with_fixed_clock = runtime.Runtime(current.settings, current.database, dynamodb)
    with_fixed_clock.admission.limiter = Limiter(
        MemoryCounterStore(), MemoryCounterStore(), clock=lambda: 1_700_000_000.0
    )
    runtime.set_current(with_fixed_clock)
    statuses = []
    for n in range(620):
        library.source_ip = addresses[n % len(addresses)]
        headers = {
            "x_api_key": f"guess {n}",
            "x_forwarded_for": f"10.0.0.{n}",
            "forwarded": f"for=10.0.0.{n}",
        }
        statuses.append(library.get("/api/books", **headers).status)

    assert statuses == [401] * 600 + [429] * 20
    library.source_ip = "198.51.100.1"
    assert library.get("/api/books", x_api_key="guess").status == 401
    assert library.get("/api/books").status == 200


def test_requests_pass_without_the_counter_store(
    library: Library, add_api_key: AddApiKey, tiers: Callable[..., None], emulated_aws: AwsSettings
) -> None:
    current = runtime.current()
    settings = current.settings._replace(rate_limit_table="no-such-table")
    runtime.set_current(runtime.Runtime(settings, current.database))

    response = library.get("/api/books")

    assert response.status == 200
    assert "RateLimit" in response.headers
    assert runtime.current().admission.limiter.failures == 1
