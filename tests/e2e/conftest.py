"""Black-box tests of a deployment: `make e2e URL=https://… KEY=…`. Skipped without a URL.

Each run creates a category with all its products and deletes both at the end. Orders and import
jobs cannot be deleted: a run leaves one cancelled order of `e2e-canary@example.com` and two import
jobs.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.deployment import Deployment, DeploymentResponse

DEPLOYMENT = Deployment.from_environment()
collect_ignore_glob = [] if DEPLOYMENT else ["test_*.py"]
CANARY = "e2e-canary"


@pytest.fixture(scope="session")
def api() -> Deployment:
    """Return the deployment once it is ready."""
    assert DEPLOYMENT is not None
    DEPLOYMENT.until_ready()
    return DEPLOYMENT


@pytest.fixture(scope="session")
def category(api: Deployment) -> Iterator[str]:
    """Create a category for this run and yield its slug. Delete it and its products at the end."""
    made = api("POST", "/api/categories", {"name": api.run, "slug": api.run})
    assert made.status == 201, made.body
    yield api.run
    while products := api("GET", f"/api/products?category={api.run}&limit=100&fields=id").json[
        "data"
    ]:
        for product in products:
            assert api("DELETE", f"/api/products/{product['id']}").status == 204
    assert api("DELETE", f"/api/categories/{made.json['id']}").status == 204


class Products:
    """`products(**fields)` creates a product with a unique name in this run's category."""

    def __init__(self, api: Deployment, category: str) -> None:
        self._api, self._category, self._made = api, category, 0

    def __call__(self, **fields: Any) -> DeploymentResponse:
        self._made += 1
        body = {
            "name": f"{self._api.run} {self._made}",
            "price": "9.99",
            "category": self._category,
            "inventory": 10,
        }
        made = self._api("POST", "/api/products", body | fields)
        assert made.status == 201, made.body
        return made


@pytest.fixture(scope="session")
def products(api: Deployment, category: str) -> Products:
    return Products(api, category)


@pytest.fixture(scope="session")
def canary(api: Deployment) -> dict[str, int]:
    """Return `user_id` and `product_id`, which all runs share.

    A user or product with orders cannot be deleted.
    """
    email = f"{CANARY}@example.com"
    users = api("GET", f"/api/users?email={email}").json["data"]
    user = users[0] if users else api("POST", "/api/users", {"email": email, "name": CANARY}).json
    if not api("GET", f"/api/categories?slug={CANARY}").json["data"]:
        assert api("POST", "/api/categories", {"name": CANARY, "slug": CANARY}).status == 201
    found = api("GET", f"/api/products?category={CANARY}").json["data"]
    body = {"name": CANARY, "price": "19.90", "category": CANARY, "inventory": 5}
    product = found[0] if found else api("POST", "/api/products", body).json
    return {"user_id": int(user["id"]), "product_id": int(product["id"])}
