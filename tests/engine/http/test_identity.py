"""Authentication and scopes: every API route checks both before anything else."""

import time
from typing import Any

import pytest

from functions.docs.handler import handler as docs
from functions.health.handler import handler as health
from local.api_keys import SCOPES, emulated_client
from sluice import application, runtime
from sluice.identity.api_keys import ApiKeyStore
from sluice.identity.authenticator import Authenticator
from sluice.settings import AwsSettings
from testing.aws import API_KEYS_TABLE
from tests.fixtures.aws import AddApiKey
from tests.fixtures.client import HANDLERS
from tests.fixtures.sample import Library

ROUTES = [route for api in HANDLERS.values() for route in api.routes]
each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
REPEATED_KEYS = (
    "local-admin,local-admin",
    "local-admin, x",
    "x, local-admin",
)  # the gateway joins repeated headers

# In GraphQL the fields have scopes, not the route: see tests/shop/graph/test_scopes.py.
SCOPED_ROUTES = [route for route in ROUTES if route.path != "/api/graphql"]
each_scoped_route = pytest.mark.parametrize("route", SCOPED_ROUTES, ids=lambda route: route.name)


def target_of(route: Any) -> str:
    return str(route.path.replace("<id>", "1").replace("<book_id>", "1"))


@each_route
@pytest.mark.parametrize(
    "headers", [{}, {"x_api_key": "no-such-key"}, {"authorization": "Bearer a.b.c"}], ids=str
)
def test_unauthenticated_request_is_401(
    library: Library, route: Any, headers: dict[str, str]
) -> None:
    library.headers = {}
    response = library.call(route.method, target_of(route), raw=b"{", **headers)

    assert (response.status, response.code) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == 'ApiKey realm="sluice", Bearer realm="sluice"'


@each_scoped_route
def test_missing_scope_is_403_and_named(
    library: Library, add_api_key: AddApiKey, route: Any
) -> None:
    key = add_api_key(
        f"all-but-{route.scope}", *(scope for scope in SCOPES if scope != route.scope)
    )
    response = library.call(route.method, target_of(route), raw=b"{", x_api_key=key)

    assert (response.status, response.code) == (403, "insufficient_scope")
    assert route.scope in response.json["detail"]
    challenge = f'error="insufficient_scope", scope="{route.scope}"'
    assert challenge in response.headers["WWW-Authenticate"]


@each_scoped_route
def test_one_scope_is_sufficient(library: Library, add_api_key: AddApiKey, route: Any) -> None:
    key = add_api_key(f"only-{route.scope}", route.scope)

    assert library.call(route.method, target_of(route), raw=b"{", x_api_key=key).status not in (
        401,
        403,
    )


def test_service_routes_need_no_credentials(library: Library) -> None:
    library.headers = {}

    assert {library.get(route.path).status for api in (health, docs) for route in api.routes} == {
        200
    }
    assert library.get("/api/nothing").status == 404


def test_unauthenticated_client_cannot_probe_routes(library: Library) -> None:
    library.headers = {}

    assert library.call("BREW", "/api/books").status == 401
    assert library.get("/api/books/x").status == 401
    # Preflight requests have no credentials.
    assert library.call("OPTIONS", "/api/books", origin="https://shop.example").status == 204


def test_401_opens_no_database_connection(library: Library) -> None:
    runtime.current().database.dispose()

    assert library.get("/api/books", x_api_key="no-such-key").status == 401
    metrics = runtime.current().database.pool.metrics()
    assert (metrics.checked_in, metrics.checked_out) == (0, 0)


@pytest.mark.parametrize(
    "attributes",
    [{"disabled": {"BOOL": True}}, {"expires_at": {"N": "1"}}, {"scopes": {"S": "library:read"}}],
    ids=["disabled", "expired", "unreadable"],
)
def test_disabled_or_expired_key_is_401(
    library: Library, add_api_key: AddApiKey, attributes: dict[str, Any]
) -> None:
    key = add_api_key(f"old-{sorted(attributes)}", "library:read", **attributes)

    assert library.get("/api/books", x_api_key=key).code == "unauthenticated"


@pytest.mark.parametrize(
    "key", ["", " ", "\udc80", "x" * 10_000, "local-admin\0", "LOCAL-ADMIN", *REPEATED_KEYS]
)
def test_malformed_key_is_401(library: Library, key: str) -> None:
    assert library.get("/api/books", x_api_key=key).status == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic local-admin", "local-admin", "Bearer local-admin"]
)
def test_api_key_is_not_a_bearer_token(library: Library, header: str) -> None:
    library.headers = {}
    assert library.get("/api/books", authorization=header).status == 401


@pytest.mark.parametrize("path", ["/api/books", "/api/shelves", "/api/imports"])
def test_a_key_may_have_the_scopes_of_all_resources(
    library: Library, add_api_key: AddApiKey, path: str
) -> None:
    reader = add_api_key(f"reads {path}", "*:read")
    writer = add_api_key(f"writes {path}", "*:write")

    assert library.get(path, x_api_key=reader).status == 200
    assert library.get(path, x_api_key=writer).code == "insufficient_scope"
    assert library.post(path, {}, x_api_key=reader).code == "insufficient_scope"
    assert library.post(path, {}, x_api_key=writer).status == 422


def test_other_patterns_are_no_scopes() -> None:
    app = application.current()
    assert app.scopes_of(["*:read"]) == {
        "*:read",
        *(s for s in app.all_scopes if s.endswith(":read")),
    }
    for pattern in ("*", "*:*", "*:query", "library:*", "*:re"):
        assert app.scopes_of([pattern]) == {pattern}


def test_api_key_precedes_token(library: Library) -> None:
    assert library.get("/api/books", authorization="Bearer x").status == 200
    response = library.get("/api/books", x_api_key="no-such-key", authorization="Bearer x")
    assert response.status == 401


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_key_is_cached_for_one_minute(emulated_aws: AwsSettings, add_api_key: AddApiKey) -> None:
    clock = Clock()
    lookups = []
    keys = ApiKeyStore(emulated_client("dynamodb", emulated_aws.dynamodb_endpoint), API_KEYS_TABLE)
    authenticator = Authenticator(lambda key: lookups.append(key) or keys(key), None, clock=clock)
    add_api_key("leaving", "library:read")
    assert authenticator.identify("leaving", None).client_id == "client of leaving"

    add_api_key("leaving", "library:read", disabled={"BOOL": True})
    clock.now += 59
    assert authenticator.identify("leaving", None).scopes == {"library:read"}
    assert lookups == ["leaving"]
    clock.now += 1
    with pytest.raises(Exception, match="unknown"):
        authenticator.identify("leaving", None)
    assert lookups == ["leaving"] * 2


def test_clock_set_back_does_not_extend_the_cache(emulated_aws: AwsSettings) -> None:
    clock = Clock()
    lookups = []
    authenticator = Authenticator(lambda key: lookups.append(key), None, clock=clock)
    for _ in range(2):
        with pytest.raises(Exception, match="unknown"):
            authenticator.identify("unknown-key", None)
        clock.now -= 3600

    assert lookups == ["unknown-key"] * 2


def test_key_cache_is_bounded() -> None:
    lookups: list[str] = []
    authenticator = Authenticator(lambda key: lookups.append(key), None, clock=time.time)
    for n in [*range(1_500), *range(1_499, 499, -1), 0]:
        with pytest.raises(Exception, match="unknown"):
            authenticator.identify(str(n), None)

    assert len(lookups) == 1_501


def test_unreachable_key_store_is_503(library: Library, add_api_key: AddApiKey) -> None:
    settings = runtime.current().settings
    unreachable = settings._replace(
        aws=settings.aws._replace(dynamodb_endpoint="http://127.0.0.1:1")
    )
    runtime.set_current(runtime.Runtime(unreachable, runtime.current().database))

    response = library.get("/api/books")

    assert (response.status, response.code) == (503, "identity_unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    assert library.get("/health/ready").status == 200
