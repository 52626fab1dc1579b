"""The tags of openapi.json: one for each resource, and one for each function without resources."""

import importlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import NamedTuple

from scripts.examples import texts
from sluice import application
from sluice.http.paths import to_openapi
from sluice.http.route import RouteSpec
from sluice.kinds.field import DeclarationError


class Tag(NamedTuple):
    """A tag, its description, and the routes that have it."""

    name: str
    description: str
    routes: Sequence[RouteSpec]


def tags(handlers: Mapping[str, ModuleType]) -> Iterator[Tag]:
    """Yield the tags of functions, whose handlers are given by name."""
    groups = application.current().registry.GROUPS
    resources = {name for group in groups.values() for name in group}
    for function, module in handlers.items():
        routes = module.handler.routes
        for name, of_resource in by_resource(routes, groups.get(function, {})).items():
            yield Tag(name, _description(name), of_resource)
        if function not in groups and routes:  # GraphQL has none in an application without types
            yield Tag(tag_of(function, resources), str(module.__doc__).strip(), routes)


def tag_of(function: str, resources: Collection[str]) -> str:
    """Return the tag of a function without resources. Tags are unique."""
    return f"{function} of Sluice" if function in resources else function


def is_described(route: RouteSpec) -> bool:
    """Return whether openapi.json has the route. It has no files of the documentation page."""
    return not route.path.startswith("/docs/")


def require_unique_names(tags: Iterable[Tag]) -> None:
    """Raise DeclarationError if two routes have the same operationId."""
    paths: dict[str, str] = {}
    for route in (route for tag in tags for route in tag.routes if is_described(route)):
        path = f"{route.method} {to_openapi(route.path)}"
        if route.name in paths:
            raise DeclarationError(
                f"the operationId {route.name} is that of {paths[route.name]} and of {path}: "
                "rename a handler, or a relation or function of the resource"
            )
        paths[route.name] = path


def by_resource(
    routes: Sequence[RouteSpec], resources: Mapping[str, Sequence[str]]
) -> dict[str, list[RouteSpec]]:
    """Return the routes of each resource. `resources` has its paths; routes may be below them."""
    found: dict[str, list[RouteSpec]] = {name: [] for name in resources}
    for route in routes:
        path = to_openapi(route.path)
        for name, (collection, *_) in resources.items():
            if path == collection or path.startswith(f"{collection}/"):
                found[name].append(route)
    return found


def _description(resource: str) -> str:
    """Return the docstring of the module with the resource's routes, or else its description."""
    registry = application.current().registry
    by_hand = registry.ROUTES.get(resource)
    if by_hand:
        return str(importlib.import_module(by_hand.partition(":")[0]).__doc__).strip()
    declared = application.load(registry.DECLARATIONS[resource])
    return texts().tags.get(resource) or str(declared.description)
