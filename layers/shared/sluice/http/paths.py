"""The path templates of a function, such as `/api/items/<id>`, and the methods of each."""

import re
from collections.abc import Collection

from sluice.errors import NotFound
from sluice.resource import Resource


class PathTemplates:
    """The path templates of the routes that a function declares.

    `unmatched` is the detail of the error for other paths.
    """

    def __init__(self, unmatched: str = "No route matches this path") -> None:
        self._unmatched = unmatched
        self._methods: dict[str, set[str]] = {}

    def add(self, template: str, methods: Collection[str]) -> None:
        """Add the methods of a route to its template."""
        self._methods.setdefault(template, set()).update(methods)

    def find(self, path: str) -> str | None:
        """Return the template that matches the path, if there is one."""
        for template in self._methods:
            if re.fullmatch(re.sub(r"<\w+>", "[^/]+", template), path):
                return template
        return None

    def has_route(self, method: str, path: str) -> bool:
        """Return whether there is a route for this method and path."""
        template = self.find(path)
        return template is not None and method in self._methods[template]

    def allowed_methods(self, path: str) -> str:
        """Return the methods of a path for `Allow`. Raise NotFound without a route."""
        template = self.find(path)
        if template is None:
            raise NotFound(self._unmatched)
        return ", ".join(sorted({*self._methods[template], "OPTIONS"}))


def collection_path(resource: Resource) -> str:
    """Return the path of the resource's list."""
    return f"/api/{resource.name}"


def row_path(resource: Resource) -> str:
    """Return the path template of a row: `/api/deals/<id>`."""
    return "/".join([collection_path(resource), *(f"<{key.name}>" for key in resource.keys)])


def to_openapi(template: str) -> str:
    """Return a path template as OpenAPI and template.yaml write it."""
    return template.replace("<", "{").replace(">", "}")
