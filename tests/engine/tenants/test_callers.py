"""Requests of callers with tenants: which they may send, and that tenants share no memory."""

import dataclasses
import json
import os
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from sluice import runtime
from sluice.http.environment import environment
from sluice.http.resource_routes import resource_api
from sluice.identity.api_keys import ApiKeyStore
from sluice.identity.authenticator import Authenticator
from sluice.settings import AwsSettings
from testing.aws import API_KEYS_TABLE
from tests.engine.tenants.callers import (
    ALL_SCOPES,
    VERIFIED_BY_GATEWAY,
    Caller,
    install,
    with_claim,
)
from tests.engine.tenants.lodge_client import Lodge
from tests.engine.tenants.tables import ONE, TWO
from tests.fixtures.aws import AddApiKey

THREE = "00000000-0000-4000-8000-000000000003"
MakeCaller = Callable[..., Caller]


@pytest.fixture
def caller(lodge: Lodge, add_api_key: AddApiKey) -> MakeCaller:
    """Return a function that makes a client of these tenants, with all scopes or with some."""

    def make(*tenants: str, scopes: tuple[str, ...] = ALL_SCOPES) -> Caller:
        attributes: dict[str, Any] = {"tenants": {"SS": list(tenants)}} if tenants else {}
        return Caller(add_api_key(os.urandom(8).hex(), *scopes, **attributes))

    return make


def house_ids(response: Any) -> set[str]:
    """Return the tenants of the rows of a page."""
    assert response.status == 200, response.text
    return {row["house_id"] for row in response.json["data"]}


def access_log(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines of the access log since the last reading. Metrics are printed, too."""
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in printed if "request_id" in line]


def test_single_tenant_is_chosen(caller: MakeCaller) -> None:
    assert house_ids(caller(ONE).get("guests")) == {ONE}
    assert house_ids(caller(ONE.upper()).get("guests", x_sluice_tenant=ONE)) == {ONE}


def test_header_chooses_one_of_several(caller: MakeCaller) -> None:
    both = caller(ONE, TWO)
    for tenant in (ONE, TWO):
        assert house_ids(both.get("guests", x_sluice_tenant=tenant)) == {tenant}
        assert house_ids(both.get("guests", x_sluice_tenant=f" {tenant.upper()}\t")) == {tenant}


def test_request_without_a_choice_is_403(caller: MakeCaller) -> None:
    refused = caller(ONE, TWO).get("guests")
    assert (refused.status, refused.code) == (403, "no_tenant")
    assert "choose one with X-Sluice-Tenant" in refused.json["detail"]
    assert ONE not in refused.text


def test_credentials_without_tenant_are_403(caller: MakeCaller) -> None:
    refused = caller().get("guests")
    assert (refused.status, refused.code) == (403, "no_tenant")
    assert "ask the operator" in refused.json["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        "",
        THREE,
        f"{ONE},{TWO}",
        f"{ONE},{ONE}",
        ONE.replace("-", "%2D"),
        "٠" + ONE[1:],
        "x" * 10_240,
    ],
    ids=["empty", "foreign", "two", "twice", "encoded", "look-alike", "10 KB"],
)
def test_tenant_that_is_not_listed_is_403(caller: MakeCaller, sent: str) -> None:
    for client in (caller(ONE, TWO), caller(ONE), caller()):
        if sent != THREE or client.key:
            refused = client.get("guests", x_sluice_tenant=sent)
            assert (refused.status, refused.code) == (403, "tenant_not_allowed")
            assert ONE not in refused.text


def test_wrong_header_is_403_on_shared_resources(caller: MakeCaller) -> None:
    assert caller().get("countries").status == 200
    assert caller(ONE).get("countries", x_sluice_tenant=THREE).code == "tenant_not_allowed"


def test_list_below_a_shared_row_needs_a_tenant(caller: MakeCaller) -> None:
    """The rows below it belong to tenants."""
    assert caller().get("countries/AT/guests").code == "no_tenant"
    assert caller(ONE).get("countries/AT/guests").status in (200, 404)


def test_scope_is_checked_before_the_tenant(caller: MakeCaller) -> None:
    client = caller(scopes=("countries:read",))
    assert client.get("guests").code == "insufficient_scope"
    assert client.get("guests", x_sluice_tenant=THREE).code == "insufficient_scope"


def test_tenant_is_checked_before_query_and_body(caller: MakeCaller) -> None:
    client = caller()
    assert client.get("guests?limit=none").code == "no_tenant"
    assert client.call("POST", "guests", {"unknown": 1}).code == "no_tenant"
    assert client.call("DELETE", "guests/1").code == "no_tenant"
    assert client.call("POST", "stays/1/close").code == "no_tenant"
    assert client.call("PUT", "guests/1/countries/AT").code == "no_tenant"


def test_refusal_does_not_touch_the_database(
    caller: MakeCaller, capsys: pytest.CaptureFixture[str]
) -> None:
    client = caller(ONE, TWO)
    capsys.readouterr()
    client.get("guests")
    client.get("guests", x_sluice_tenant=THREE)
    lines = access_log(capsys)
    assert [(line["code"], line["statements"]) for line in lines] == [
        ("no_tenant", 0),
        ("tenant_not_allowed", 0),
    ]


def test_access_log_has_the_tenant(caller: MakeCaller, capsys: pytest.CaptureFixture[str]) -> None:
    client = caller(ONE)
    capsys.readouterr()
    client.get("guests")
    (line,) = access_log(capsys)
    assert line["tenant"] == ONE


def test_changed_tenants_take_effect_in_a_minute(
    lodge: Lodge, emulated_aws: AwsSettings, add_api_key: AddApiKey
) -> None:
    now = 1_000.0
    store = ApiKeyStore(runtime.current()._dynamodb, API_KEYS_TABLE)
    authenticator = Authenticator(store, None, clock=lambda: now)
    key = add_api_key(os.urandom(8).hex(), "guests:read", tenants={"SS": [ONE]})
    assert authenticator.identify(key, None).tenants == (ONE,)
    add_api_key(key, "guests:read", tenants={"SS": [TWO]})
    now += 59
    assert authenticator.identify(key, None).tenants == (ONE,)
    now += 2
    assert authenticator.identify(key, None).tenants == (TWO,)


def test_attribute_of_another_type_lists_no_tenant(lodge: Lodge, add_api_key: AddApiKey) -> None:
    for attribute in ({"S": ONE}, {"L": [{"S": ONE}]}, {"NULL": True}):
        key = add_api_key(os.urandom(8).hex(), "guests:read", tenants=attribute)
        assert Caller(key).get("guests").code == "no_tenant"


def test_verified_claim_lists_tenants(lodge: Lodge) -> None:
    install(jwt=VERIFIED_BY_GATEWAY)
    assert house_ids(with_claim(ONE).get("guests")) == {ONE}
    both = with_claim(f"[{ONE} {TWO}]")
    assert both.get("guests").code == "no_tenant"
    assert house_ids(both.get("guests", x_sluice_tenant=TWO)) == {TWO}
    assert with_claim(f"map[id:{ONE}]").get("guests").code == "no_tenant"


def test_each_tenant_has_its_quota(caller: MakeCaller) -> None:
    client = caller(ONE, TWO)
    install(rate_tiers={"default": (2, 86_400)})
    remaining = [
        client.get("countries", x_sluice_tenant=tenant).headers["RateLimit"].split(";")[1]
        for tenant in (ONE, ONE, TWO)
    ]
    assert remaining == ["r=1", "r=0", "r=1"]
    assert client.get("countries", x_sluice_tenant=ONE).status == 429
    assert client.get("countries").headers["RateLimit"].split(";")[1] == "r=1"


def test_refused_tenants_share_one_quota(caller: MakeCaller) -> None:
    """Invented tenants give a client no further requests."""
    client = caller(ONE, TWO)
    install(rate_tiers={"default": (2, 86_400)})
    invented = [f"00000000-0000-4000-8000-0000000000{n}" for n in (90, 91, 92)]
    statuses = [client.get("guests", x_sluice_tenant=tenant).status for tenant in invented]
    assert statuses == [403, 403, 429]


def test_idempotency_key_is_of_one_tenant(caller: MakeCaller) -> None:
    client = caller(ONE, TWO)
    body = {"email": "same@example.com", "name": "Same"}
    made = {
        tenant: client.call("POST", "guests", body, idempotency_key="same", x_sluice_tenant=tenant)
        for tenant in (ONE, TWO)
    }
    assert [response.status for response in made.values()] == [201, 201]
    assert made[ONE].json["id"] != made[TWO].json["id"]
    for tenant, first in made.items():
        again = client.call("POST", "guests", body, idempotency_key="same", x_sluice_tenant=tenant)
        assert (again.text, again.headers["Idempotency-Replayed"]) == (first.text, "true")


def test_cursor_is_of_one_tenant(caller: MakeCaller) -> None:
    client = caller(ONE, TWO)
    for n in range(2):
        body = {"email": f"{n}@example.com", "name": "Ada"}
        assert client.call("POST", "guests", body, x_sluice_tenant=ONE).status == 201
    page = client.get("guests?limit=1", x_sluice_tenant=ONE)
    target = f"guests?limit=1&cursor={page.json['pagination']['next_cursor']}"
    assert client.get(target, x_sluice_tenant=ONE).status == 200
    assert client.get(target, x_sluice_tenant=TWO).code == "invalid_cursor"


def test_etag_of_another_tenant_reveals_nothing(caller: MakeCaller) -> None:
    client = caller(ONE, TWO)
    id = client.get("guests?limit=1", x_sluice_tenant=ONE).json["data"][0]["id"]
    found = client.get(f"guests/{id}", x_sluice_tenant=ONE)
    etag = found.headers["ETag"]
    assert client.get(f"guests/{id}", x_sluice_tenant=ONE, if_none_match=etag).status == 304
    for headers in ({"if_none_match": etag}, {"if_none_match": "*"}, {"if_match": etag}):
        refused = client.get(f"guests/{id}", x_sluice_tenant=TWO, **headers)
        never_existed = client.get("guests/999999999", x_sluice_tenant=TWO, **headers)
        assert (refused.status, refused.code) == (never_existed.status, never_existed.code)
        assert refused.status in (404, 412)


def test_responses_vary_by_tenant(caller: MakeCaller) -> None:
    client = caller(ONE, TWO)
    for response in (client.get("guests", x_sluice_tenant=ONE), client.get("countries")):
        assert "X-Sluice-Tenant" in response.headers["Vary"].split(", ")
        assert response.headers["Cache-Control"] == "private, no-cache"
    assert client.get("guests").headers["Cache-Control"] == "no-store"


def test_pages_may_send_the_tenant(caller: MakeCaller) -> None:
    client = caller(ONE)
    install(cors_origins=("https://lodge.example",))
    preflight = client.call("OPTIONS", "guests", origin="https://lodge.example", x_api_key=None)
    assert "X-Sluice-Tenant" in preflight.headers["Access-Control-Allow-Headers"].split(", ")


def test_stale_response_is_of_one_tenant(lodge: Lodge, caller: MakeCaller) -> None:
    environment.reset()
    api = resource_api(lodge.kind("guests"), stale_if_error=True)
    client = dataclasses.replace(caller(ONE, TWO), api=api)
    id = client.get("guests?limit=1", x_sluice_tenant=ONE).json["data"][0]["id"]
    assert client.get(f"guests/{id}", x_sluice_tenant=ONE).status == 200
    settings = runtime.current().settings
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        closed = settings.database._replace(port=server.getsockname()[1])
    runtime.set_current(runtime.build(settings._replace(database=closed)))
    assert client.get("guests", x_sluice_tenant=ONE).code == "database_unavailable"
    stale = client.get(f"guests/{id}", x_sluice_tenant=ONE)
    assert (stale.status, stale.json["house_id"]) == (200, ONE)
    assert stale.headers["Warning"].startswith("110")
    assert client.get(f"guests/{id}", x_sluice_tenant=TWO).code == "circuit_open"
    assert client.get(f"guests/{id}").code == "no_tenant"
