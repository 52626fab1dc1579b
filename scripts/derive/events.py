"""Write the example events of each resource in events/: list, get, create and patch.

`sam local invoke` and the benchmarks read them. Events of other routes are written by hand. A new
application gets some for the routes of the engine.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from catalog.names import RESERVED
from scripts import examples
from scripts.derive.registry import is_greedy
from scripts.derive.scan import Found
from sluice import application
from sluice.http.group import api_of
from sluice.http.paths import to_openapi
from sluice.http.query_params import ListParams
from sluice.http.route import RouteSpec
from sluice.resource import Resource
from sluice.sql.key import to_path

ENGINE_PATHS = {
    "docs": "/docs",
    "health": "/health",
    "health_ready": "/health/ready",
    "openapi": "/openapi.json",
    "reference": "/reference",
}
HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate, br",
    "host": HOST,
    "user-agent": "curl/8.5.0",
    "x-amzn-trace-id": "Root=1-6b033a60-4f2a0c5d1b3e6a7f8c9d0e1f",
    "x-api-key": "local-admin",
    "x-forwarded-for": "203.0.113.24",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
}


def files(found: Found) -> dict[Path, str]:
    """Return the events of all served resources by their path.

    The empty text of a file says that its resource is gone.
    """
    if found.artefacts is None:
        return {}
    folder = found.artefacts / "events"
    present = sorted(folder.glob("*.json"))
    gone = {path: "" for path in present if is_gone(path.read_text())}
    derived = {
        name: event
        for each in found.resources
        if each.is_served
        for name, event in events_of(each.resource, api_of(each.resource.name).routes)
    }
    if not present:
        derived |= events_of_engine(found.app.name)
    return gone | {folder / f"{name}.json": _text(event) for name, event in derived.items()}


def _text(event: Mapping[str, Any]) -> str:
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"


def events_of_engine(app: str) -> dict[str, dict[str, Any]]:
    """Return events of routes that every application has."""
    found = {name: _engine_event("GET", path) for name, path in ENGINE_PATHS.items()}
    if application.named(app).has_graphql:
        query = json.dumps({"query": examples.graphql()})
        found["graphql_query"] = _engine_event("POST", "/api/graphql", query)
    return found


def _engine_event(method: str, path: str, body: str | None = None) -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": f"ANY {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": _headers(body),
        "requestContext": _context(method, path, f"ANY {path}"),
        **({"body": body} if body is not None else {}),
        "isBase64Encoded": False,
    }


def is_gone(event: str) -> bool:
    """Return whether no resource or function has the path of an event, such as /api/deals."""
    path = str(json.loads(event)["rawPath"])
    known = {
        path.split("/")[2] for each in application.current().functions for path in each.all_paths
    }
    return path.startswith("/api/") and path.split("/")[2] not in {*known, *RESERVED}


def events_of(
    resource: Resource, routes: Iterable[RouteSpec]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the event of each route that has one."""
    names = {
        f"list_{resource.name}": f"{resource.name}_list",
        f"get_{resource.singular}": f"{resource.singular}_get",
        f"create_{resource.singular}": f"{resource.name}_create",
        f"update_{resource.singular}": f"{resource.singular}_patch",
    }
    for route in routes:
        if route.name in names:
            yield names[route.name], _event(resource, route)


def _event(resource: Resource, route: RouteSpec) -> dict[str, Any]:
    key = {name: to_path((field.sample(1),)) for name, field in route.path_fields.items()}
    template = to_openapi(route.path)
    path = template.format(**key)
    if key and is_greedy(resource):
        collection = f"/api/{resource.name}/"
        template, key = f"{collection}{{proxy+}}", {"proxy": path.removeprefix(collection)}
    query = _query(route)
    body = None
    if route.body is not None:
        body = json.dumps(examples.of_body(route.body, route.method, resource.name))
    return {
        "version": "2.0",
        "routeKey": f"ANY {template}",
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "headers": _headers(body),
        **({"queryStringParameters": query} if query else {}),
        **({"pathParameters": key} if key else {}),
        "requestContext": _context(route.method, path, f"ANY {template}"),
        **({"body": body} if body is not None else {}),
        "isBase64Encoded": False,
    }


def _query(route: RouteSpec) -> dict[str, str]:
    """Return a query of a list: its first sort, and a search if it has one."""
    if not isinstance(route.query, ListParams):
        return {}
    spec = route.query.list_spec
    sorts = [name for name in spec.sorts if name not in spec.keys]
    return {
        **({"search": "example"} if "search" in spec.filters else {}),
        **({"sort": sorts[0]} if sorts else {}),
        "limit": "20",
    }


def _headers(body: str | None) -> dict[str, str]:
    if body is None:
        return HEADERS
    content = {"content-length": str(len(body.encode())), "content-type": "application/json"}
    return dict(sorted((HEADERS | content).items()))


def _context(method: str, path: str, route_key: str) -> Mapping[str, Any]:
    return {
        "accountId": "123456789012",
        "apiId": HOST.partition(".")[0],
        "domainName": HOST,
        "domainPrefix": HOST.partition(".")[0],
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": HEADERS["x-forwarded-for"],
            "userAgent": HEADERS["user-agent"],
        },
        "requestId": "KxY3vh21liAEJ1w=",
        "routeKey": route_key,
        "stage": "$default",
        "time": "22/Nov/2026:18:54:24 +0000",
        "timeEpoch": 1795373664000,
    }
