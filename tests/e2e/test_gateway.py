"""The gateway between clients and functions: URL encoding, HEAD, CORS and unusual headers.

Some of it needs a real API Gateway; see the checklist in docs/deploy.md.
"""

import pytest

from tests.e2e.conftest import Products
from tests.e2e.deployment import Deployment


@pytest.mark.parametrize("space", ["+", "%20"])
def test_space_in_a_query_is_a_space(api: Deployment, products: Products, space: str) -> None:
    name = f"{api.run} two words {'plus' if space == '+' else 'percent'}"
    made = products(name=name).json
    found = api("GET", f"/api/products?search={name.replace(' ', space)}").json["data"]
    assert [product["id"] for product in found] == [made["id"]]


def test_encoded_plus_in_a_query_is_a_plus(api: Deployment) -> None:
    address = f"{api.run}+tag@example.com"
    made = api("POST", "/api/users", {"email": address, "name": "e2e"})
    try:
        found = api("GET", f"/api/users?email={address.replace('+', '%2B')}").json["data"]
        assert [user["email"] for user in found] == [address]
    finally:
        assert api("DELETE", f"/api/users/{made.json['id']}").status == 204


def test_encoded_comma_and_colon_are_decoded(
    api: Deployment, products: Products, category: str
) -> None:
    products()
    page = api("GET", f"/api/products?category={category}%2Cnot-there&sort=price%3Adesc%2Cid%3Aasc")
    assert page.status == 200, page.body
    assert page.json["data"]


@pytest.mark.parametrize("last", ["a%2Fb", "a+b", "%20", "%00", "caf%C3%A9", "1%3F", "%25"])
def test_unusual_path_is_a_4xx_problem(api: Deployment, last: str) -> None:
    response = api("GET", f"/api/products/{last}")
    assert (response.status, response.code) in {
        (404, "not_found"),
        (400, "invalid_parameter"),
        (422, "validation_failed"),
    }


def test_head_is_get_without_a_body(api: Deployment, products: Products) -> None:
    path = f"/api/products/{products().json['id']}"
    get = api("GET", path)
    head = api("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    for name in ("etag", "content-type", "cache-control"):
        assert head.headers.get(name) == get.headers.get(name)


def test_options_lists_the_methods(api: Deployment) -> None:
    response = api("OPTIONS", "/api/products", key="")
    assert response.status in (200, 204)
    assert {"GET", "POST", "HEAD"} <= {
        method.strip() for method in response.headers["allow"].split(",")
    }


def test_unknown_origin_gets_no_cors_headers(api: Deployment) -> None:
    response = api("GET", "/health", key="", origin="https://e2e.invalid")
    assert response.headers.get("access-control-allow-origin") in (None, "*")


def test_allowed_origin_gets_cors_headers(api: Deployment) -> None:
    if not api.origin:
        pytest.skip("needs ORIGIN=…, one of CorsOrigins")
    headers = {"origin": api.origin, "access_control_request_method": "POST"}
    preflight = api("OPTIONS", "/api/products", key="", **headers)
    assert preflight.headers["access-control-allow-origin"] in (api.origin, "*")
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "x-request-id" in preflight.headers["access-control-expose-headers"].lower()


@pytest.mark.parametrize("agent", ['e2e "quoted"', "e2e \\ backslash", "e2e {json}"])
def test_unusual_user_agent_is_served(api: Deployment, agent: str) -> None:
    """The checklist in docs/deploy.md covers whether the access log stays valid JSON."""
    assert api("GET", "/health", key="", user_agent=agent).status == 200
