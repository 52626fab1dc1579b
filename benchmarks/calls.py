"""What is asked: the scenarios, as the events that API Gateway sends (events/*.json, with another path and query)."""

import json
import random
from typing import Any
from urllib.parse import urlencode

from benchmarks.contenders import ROOT

Event = dict[str, Any]


def get_one(product_id: int) -> Event:
    return _event("product_get", f"/api/products/{product_id}", {})


def list_products(**query: str) -> Event:
    return _event("products_list", "/api/products", query)


def health() -> Event:
    return _event("health", "/health", {})


def scenarios(products: int) -> dict[str, list[Event]]:
    """Name → the events of it, in turn. Every contender gets the same ones; ids are spread over the table."""
    chance = random.Random(7)
    return {
        "GET one": [get_one(chance.randint(1, products)) for _ in range(200)],
        "list 20": [list_products(limit="20")],
        "list 100": [list_products(limit="100")],
    }


def _event(name: str, path: str, query: dict[str, str]) -> Event:
    event: Event = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["rawQueryString"] = urlencode(query)
    event.pop("queryStringParameters", None)
    if query:
        event["queryStringParameters"] = query
    if "pathParameters" in event:
        event["pathParameters"] = {"id": path.rsplit("/", 1)[-1]}
    return event
