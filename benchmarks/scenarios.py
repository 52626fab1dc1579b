"""Create the scenarios as API Gateway events, from events/*.json with other paths and queries."""

import json
import random
from typing import Any
from urllib.parse import urlencode

from benchmarks.contenders import ROOT
from benchmarks.worker import UNIQUE

Event = dict[str, Any]


FIRST = {
    "ProductsFunction": "product_get",
    "CategoriesFunction": "categories_list",
    "InventoryFunction": "stock_get",
    "UsersFunction": "users_list",
    "OrdersFunction": "orders_list",
    "AnalyticsFunction": "analytics_sales",
    "GraphqlFunction": "graphql_query",
    "HealthFunction": "health",
    "DocsFunction": "docs",
}


def first(function: str) -> Event:
    """Return the first event of a function of template.yaml."""
    event: Event = json.loads((ROOT / f"events/{FIRST[function]}.json").read_text(encoding="utf-8"))
    return event


def get_one(product_id: int) -> Event:
    return _event("product_get", f"/api/products/{product_id}", {})


def list_products(**query: str) -> Event:
    return _event("products_list", "/api/products", query)


def health() -> Event:
    return _event("health", "/health", {})


def scenarios(products: int) -> dict[str, list[Event]]:
    """Return the events of each scenario, the same for every contender; ids are spread over the
    table.
    """
    rng = random.Random(7)
    return {
        "GET one": [get_one(rng.randint(1, products)) for _ in range(200)],
        "list 20": [list_products(limit="20")],
        "list 100": [list_products(limit="100")],
        "POST product": [_product()],
    }


def orders(products: int) -> dict[str, list[Event]]:
    """Return events of POST /api/orders: orders of two products each, for the first user."""
    rng = random.Random(8)
    return {
        "POST order": [_order(sorted(rng.sample(range(1, products + 1), 2))) for _ in range(200)]
    }


def _product() -> Event:
    event = _event("products_create", "/api/products", {})
    event["body"] = json.dumps(
        json.loads(event["body"]) | {"name": f"Sluice gate {UNIQUE}", "category": "category-7"}
    )
    return event


def _order(ids: list[int]) -> Event:
    event = _event("orders_place", "/api/orders", {})
    event["body"] = json.dumps(
        {"user_id": 1, "items": [{"product_id": id, "quantity": 1} for id in ids]}
    )
    return event


def _event(name: str, path: str, query: dict[str, str]) -> Event:
    event: Event = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["rawQueryString"] = urlencode(query)
    event.pop("queryStringParameters", None)
    event["headers"].pop(
        "idempotency-key", None
    )  # with it, the stored first response would be returned again
    if query:
        event["queryStringParameters"] = query
    if "pathParameters" in event:
        event["pathParameters"] = {"id": path.rsplit("/", 1)[-1]}
    return event
