"""Who may: every route of the API wants a caller it knows, with the scope it needs, before anything else."""

import re
import time
from dataclasses import replace
from typing import Any

import pytest

from functions.docs.handler import handler as docs
from functions.health.handler import handler as health
from local.api_keys import emulated_client
from sluice import runtime
from sluice.identity.api_keys import ApiKeyStore
from sluice.identity.authenticator import SCOPES, Authenticator
from sluice.settings import AwsSettings
from tests.fixtures.aws import API_KEYS_TABLE, AddApiKey
from tests.fixtures.shop import HANDLERS, Shop
from tests.fixtures.template import ROOT

OPERATIONS = [operation for api in HANDLERS.values() for operation in api.routes]
each_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda operation: operation.name
)
TWICE = (
    "local-admin,local-admin",
    "local-admin, x",
    "x, local-admin",
)  # a header sent twice is joined by the gateway

# GraphQL's fields have scopes, and not its route: tests/graph/test_scopes.py.
SCOPED = [operation for operation in OPERATIONS if operation.path != "/api/graphql"]
each_scoped = pytest.mark.parametrize("operation", SCOPED, ids=lambda operation: operation.name)


def target_of(operation: Any) -> str:
    return str(operation.path.replace("<id>", "1").replace("<product_id>", "1"))


@each_operation
@pytest.mark.parametrize(
    "headers", [{}, {"x_api_key": "no-such-key"}, {"authorization": "Bearer a.b.c"}], ids=str
)
def test_nobody_is_answered_who_is_not_known(
    shop: Shop, operation: Any, headers: dict[str, str]
) -> None:
    shop.headers = {}
    response = shop.call(operation.method, target_of(operation), raw=b"{", **headers)

    assert (response.status, response.code) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == 'ApiKey realm="sluice", Bearer realm="sluice"'


@each_scoped
def test_a_known_caller_without_the_scope_is_told_which_it_is(
    shop: Shop, add_api_key: AddApiKey, operation: Any
) -> None:
    key = add_api_key(
        f"all-but-{operation.scope}", *(scope for scope in SCOPES if scope != operation.scope)
    )
    response = shop.call(operation.method, target_of(operation), raw=b"{", x_api_key=key)

    assert (response.status, response.code) == (403, "insufficient_scope")
    assert operation.scope in response.json["detail"]
    assert (
        f'error="insufficient_scope", scope="{operation.scope}"'
        in response.headers["WWW-Authenticate"]
    )


@each_scoped
def test_the_scope_alone_is_enough(shop: Shop, add_api_key: AddApiKey, operation: Any) -> None:
    key = add_api_key(f"only-{operation.scope}", operation.scope)

    assert shop.call(
        operation.method, target_of(operation), raw=b"{", x_api_key=key
    ).status not in (401, 403)


def test_the_scopes_are_those_of_the_documentation(shop: Shop) -> None:
    told = re.findall(
        r"^\| `(\w+):read`.*? \| ([a-z, ]+?),? (?:but for: )?\|$",
        (ROOT / "docs/api.md").read_text(),
        re.M,
    )
    needed = {operation.path.split("/")[2]: operation.scope.split(":")[0] for operation in SCOPED}

    assert needed == {name: scope for scope, names in told for name in names.split(", ")}, (
        "the table in docs/api.md"
    )
    own = {
        o.path for o in SCOPED if o.scope == "analytics:query"
    }  # neither read nor write: what the client words
    assert own == {"/api/analytics/query"}
    assert {o.scope.split(":")[1] for o in SCOPED if o.method == "GET" and o.path not in own} == {
        "read"
    }
    assert {o.scope.split(":")[1] for o in SCOPED if o.method != "GET" and o.path not in own} == {
        "write"
    }


def test_the_service_is_open_to_all(shop: Shop) -> None:
    shop.headers = {}

    assert {
        shop.get(operation.path).status for api in (health, docs) for operation in api.routes
    } == {200}
    assert shop.get("/api/nothing").status == 404


def test_not_even_what_there_is_is_told_to_strangers(shop: Shop) -> None:
    shop.headers = {}

    assert shop.call("BREW", "/api/products").status == 401
    assert shop.get("/api/products/x").status == 401
    assert (
        shop.call("OPTIONS", "/api/products", origin="https://shop.example").status == 204
    )  # which has no credentials


def test_a_refusal_takes_no_connection(shop: Shop) -> None:
    runtime.current().database.dispose()

    assert shop.get("/api/products", x_api_key="no-such-key").status == 401
    metrics = runtime.current().database.pool_metrics()
    assert (metrics.checked_in, metrics.checked_out) == (0, 0)


@pytest.mark.parametrize(
    "attributes",
    [{"disabled": {"BOOL": True}}, {"expires_at": {"N": "1"}}, {"scopes": {"S": "catalog:read"}}],
    ids=["disabled", "expired", "unreadable"],
)
def test_a_key_that_no_longer_holds_is_unknown(
    shop: Shop, add_api_key: AddApiKey, attributes: dict[str, Any]
) -> None:
    key = add_api_key(f"old-{sorted(attributes)}", "catalog:read", **attributes)

    assert shop.get("/api/products", x_api_key=key).code == "unauthenticated"


@pytest.mark.parametrize(
    "key", ["", " ", "\udc80", "x" * 10_000, "local-admin\0", "LOCAL-ADMIN", *TWICE]
)
def test_what_is_no_key_is_refused(shop: Shop, key: str) -> None:
    assert shop.get("/api/products", x_api_key=key).status == 401


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Basic local-admin", "local-admin", "Bearer local-admin"]
)
def test_a_key_is_none_where_a_token_belongs(shop: Shop, given: str) -> None:
    shop.headers = {}
    assert shop.get("/api/products", authorization=given).status == 401


def test_a_key_is_used_before_a_token(shop: Shop) -> None:
    assert shop.get("/api/products", authorization="Bearer x").status == 200
    assert (
        shop.get("/api/products", x_api_key="no-such-key", authorization="Bearer x").status == 401
    )


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_revoked_key_is_refused_within_a_minute_and_asked_for_once_a_minute(
    emulated_aws: AwsSettings, add_api_key: AddApiKey
) -> None:
    clock, asked = Clock(), []
    keys = ApiKeyStore(emulated_client("dynamodb", emulated_aws.dynamodb_endpoint), API_KEYS_TABLE)
    authenticator = Authenticator(lambda key: asked.append(key) or keys(key), None, clock=clock)
    add_api_key("leaving", "catalog:read")
    assert authenticator.identify("leaving", None).client_id == "client of leaving"

    add_api_key("leaving", "catalog:read", disabled={"BOOL": True})
    clock.now += 59
    assert authenticator.identify("leaving", None).scopes == {"catalog:read"}
    assert asked == ["leaving"]
    clock.now += 1
    with pytest.raises(Exception, match="unknown"):
        authenticator.identify("leaving", None)
    assert asked == ["leaving"] * 2


def test_a_clock_that_was_set_back_makes_no_memory_last(emulated_aws: AwsSettings) -> None:
    clock, asked = Clock(), []
    authenticator = Authenticator(lambda key: asked.append(key), None, clock=clock)
    for _ in range(2):
        with pytest.raises(Exception, match="unknown"):
            authenticator.identify("nobody", None)
        clock.now -= 3600

    assert asked == ["nobody"] * 2


def test_what_is_remembered_is_bounded() -> None:
    asked: list[str] = []
    authenticator = Authenticator(lambda key: asked.append(key), None, clock=time.time)
    for n in [*range(1_500), *range(1_499, 499, -1), 0]:
        with pytest.raises(Exception, match="unknown"):
            authenticator.identify(str(n), None)

    assert len(asked) == 1_501


def test_where_keys_cannot_be_asked_for_it_is_503_and_not_remembered(
    shop: Shop, add_api_key: AddApiKey
) -> None:
    settings = runtime.current().settings
    nowhere = replace(settings, aws=replace(settings.aws, dynamodb_endpoint="http://127.0.0.1:1"))
    runtime.set_current(runtime.Runtime(nowhere, runtime.current().database))

    response = shop.get("/api/products")

    assert (response.status, response.code) == (503, "identity_unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    assert shop.get("/health/ready").status == 200
