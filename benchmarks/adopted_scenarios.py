"""The requests of benchmarks/adopted.py: API Gateway's events, and GraphQL for PostGraphile."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.contenders import ROOT
from benchmarks.scenarios import Event
from benchmarks.worker import UNIQUE, UNIQUE_NUMBER

KEY = "adopted-benchmark"
SCOPES = (
    "catalog:read",
    "catalog:write",
    "track:read",
    "artist:read",
    "artist:write",
    "products:read",
    "products:write",
    "things_1:read",
)
TRACKS = 3_503
ROWS = 200  # that GET one reads in turn
TRACK = "trackId name composer milliseconds bytes unitPrice"
CREATE = "mutation ($id: Int!, $name: String!)"


def chinook_rest() -> dict[str, list[Event]]:
    """Return the events of REST, by scenario."""
    artist = {"artist_id": UNIQUE_NUMBER, "name": UNIQUE}
    return {
        "GET one": [_event("GET", f"/api/track/{id}") for id in _ids()],
        "list 20": [_event("GET", "/api/track", "limit=20")],
        "list 100": [_event("GET", "/api/track", "limit=100")],
        "POST": [_event("POST", "/api/artist", body=artist)],
    }


def chinook_graphql() -> dict[str, list[Event]]:
    """Return the same for Sluice's GraphQL."""
    return _graphql(
        f"query ($id: ID!) {{ trackById(id: $id) {{ {TRACK} }} }}",
        lambda first: f"{{ track(first: {first}) {{ nodes {{ {TRACK} }} }} }}",
        f"{CREATE} {{ createArtist(input: {{artistId: $id, name: $name}}) {{ artistId name }} }}",
    )


def chinook_postgraphile() -> dict[str, list[Event]]:
    """Return the same for PostGraphile's GraphQL."""
    artist = "{artist: {artistId: $id, name: $name}}"
    return _graphql(
        f"query ($id: Int!) {{ trackByTrackId(trackId: $id) {{ {TRACK} }} }}",
        lambda first: f"{{ allTracks(first: {first}) {{ nodes {{ {TRACK} }} }} }}",
        f"{CREATE} {{ createArtist(input: {artist}) {{ artist {{ artistId name }} }} }}",
    )


def products(reference: str, category: object, count: int) -> dict[str, list[Event]]:
    """Return the events of /api/products, by scenario. `reference` is the field of the category."""
    rng = random.Random(7)
    body = {"name": f"Gate {UNIQUE}", "description": "A gate.", "price": "12.50", "inventory": 3}
    return {
        "GET one": [_event("GET", f"/api/products/{rng.randint(1, count)}") for _ in range(ROWS)],
        "list 20": [_event("GET", "/api/products", "limit=20")],
        "list 100": [_event("GET", "/api/products", "limit=100")],
        "POST": [_event("POST", "/api/products", body=body | {reference: category})],
    }


def first_thing() -> Event:
    """Return GET one of the first table of a group."""
    return _event("GET", "/api/things_1/1")


def names_in(responses: Any) -> list[str]:
    """Return every value of the name `name`, however deep."""
    return list(_names(responses))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "name" in value:
            yield value["name"]
        for each in value.values():
            yield from _names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)


def _graphql(one: str, page: Callable[[int], str], create: str) -> dict[str, list[Event]]:
    variables = {"id": UNIQUE_NUMBER, "name": UNIQUE}
    return {
        "GET one": [_query(one, {"id": id}) for id in _ids()],
        "list 20": [_query(page(20))],
        "list 100": [_query(page(100))],
        "POST": [_query(create, variables)],
    }


def _query(query: str, variables: dict[str, Any] | None = None) -> Event:
    return _event("POST", "/api/graphql", body={"query": query, "variables": variables})


def _ids() -> list[int]:
    rng = random.Random(7)
    return [rng.randint(1, TRACKS) for _ in range(ROWS)]


def _event(method: str, path: str, query: str = "", body: Any = None) -> Event:
    event: Event = json.loads((ROOT / "events/products_list.json").read_text(encoding="utf-8"))
    event["headers"]["x-api-key"] = KEY
    event |= {"rawPath": path, "rawQueryString": query, "routeKey": f"ANY {path}"}
    event["requestContext"]["http"] |= {"method": method, "path": path}
    event["queryStringParameters"] = dict([query.split("=")]) if query else {}
    if body is not None:
        event["body"] = json.dumps(body)
        event["headers"]["content-type"] = "application/json"
    return event
