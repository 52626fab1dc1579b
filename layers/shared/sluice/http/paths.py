"""The path templates of a function, such as `/api/items/<id>`, and the routes of each."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING
from urllib.parse import quote

from sluice.errors import NotFound

if TYPE_CHECKING:
    from sluice.http.route import LazyRoute
    from sluice.resource import Resource


class PathTemplates:
    """The path templates of the routes that a function declares.

    A name in a template, such as `<id>`, stands for one segment that is not empty. Templates
    without names come first, then the others in the order of their declaration.
    `unmatched` is the detail of the error for other paths.
    """

    def __init__(self, unmatched: str = "No route matches this path") -> None:
        self._unmatched = unmatched
        self._routes: dict[str, dict[str, LazyRoute]] = {}  # template → method → route
        self._with_names: list[tuple[str, list[str]]] = []  # a template, and its segments

    def add(self, route: LazyRoute, methods: Collection[str]) -> None:
        """Add a route for these methods. The first route of a path and method counts."""
        if route.path not in self._routes and "<" in route.path:
            self._with_names.append((route.path, route.path.split("/")))
        routes = self._routes.setdefault(route.path, {})
        for method in methods:
            routes.setdefault(method, route)

    def match(self, method: str, path: str) -> tuple[LazyRoute, dict[str, str]] | None:
        """Return the route of a request, and the percent-encoded texts of the names in its path.

        Return None if no route matches.
        """
        route = self._routes.get(path, {}).get(method)
        if route is not None and "<" not in route.path:
            return route, {}
        segments = quote(path, errors="surrogatepass").split("/")
        for template, names in self._with_names:
            route = self._routes[template].get(method)
            if route is not None and _matches(names, segments):
                pairs = zip(names, segments, strict=True)
                return route, {name[1:-1]: text for name, text in pairs if name[:1] == "<"}
        return None

    def find(self, path: str) -> str | None:
        """Return the template that matches the path, if there is one."""
        if path in self._routes and "<" not in path:
            return path
        segments = path.split("/")
        found = (template for template, names in self._with_names if _matches(names, segments))
        return next(found, None)

    def has_route(self, method: str, path: str) -> bool:
        """Return whether there is a route for this method and path."""
        template = self.find(path)
        return template is not None and method in self._routes[template]

    def allowed_methods(self, path: str) -> str:
        """Return the methods of a path for `Allow`. Raise NotFound without a route."""
        template = self.find(path)
        if template is None:
            raise NotFound(self._unmatched)
        return ", ".join(sorted({*self._routes[template], "OPTIONS"}))


def _matches(names: list[str], segments: list[str]) -> bool:
    """Return whether the segments of a path are those of a template."""
    if len(names) != len(segments):
        return False
    pairs = zip(names, segments, strict=True)
    return all(segment if name[:1] == "<" else segment == name for name, segment in pairs)


def collection_path(resource: Resource) -> str:
    """Return the path of the resource's list."""
    return f"/api/{resource.name}"


def row_path(resource: Resource) -> str:
    """Return the path template of a row: `/api/deals/<id>`."""
    return "/".join([collection_path(resource), *(f"<{key.name}>" for key in resource.keys)])


def to_openapi(template: str) -> str:
    """Return a path template as OpenAPI and template.yaml write it."""
    return template.replace("<", "{").replace(">", "}")
