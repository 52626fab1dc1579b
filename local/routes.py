"""Match requests to routes by API Gateway's rules: the most specific path, then the exact method.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from local.template import HttpApiRoute

# how specific a segment of a route is
STATIC = 2
VARIABLE = 1
GREEDY = 0


class RouteMatch(NamedTuple):
    """A route and the decoded parameters of its path."""

    route: HttpApiRoute
    path_parameters: dict[str, str]


class RouteTable:
    """The routes of a template, in the order of precedence."""

    def __init__(self, routes: Iterable[HttpApiRoute]) -> None:
        declared = list(routes)
        self._default = next((route for route in declared if route.key == "$default"), None)
        self._routes = sorted(
            (route for route in declared if route.key != "$default"), key=_rank, reverse=True
        )

    def match(self, method: str, path: str) -> RouteMatch | None:
        """Return the route for a request, or None if no route matches (the gateway's 404).

        `path` is percent-encoded as sent, so that an encoded slash does not split a segment.
        """
        segments = path.split("/")[1:]
        for route in self._routes:
            if route.method in (method, "ANY"):
                parameters = _bind(route.path.split("/")[1:], segments)
                if parameters is not None:
                    return RouteMatch(route, parameters)
        return RouteMatch(self._default, {}) if self._default else None


def _rank(route: HttpApiRoute) -> tuple[list[int], bool]:
    return [_specificity(segment) for segment in route.path.split("/")[1:]], route.method != "ANY"


def _specificity(segment: str) -> int:
    if segment.startswith("{"):
        return GREEDY if segment.endswith("+}") else VARIABLE
    return STATIC


def _bind(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """Return the decoded path parameters, or None if the path does not match."""
    parameters = {}
    for position, part in enumerate(pattern):
        specificity = _specificity(part)
        if position >= len(segments):
            return None
        if specificity == GREEDY:
            parameters[part[1:-2]] = unquote("/".join(segments[position:]))
            return parameters if segments[position:] != [""] else None
        segment = unquote(segments[position])
        if specificity == STATIC and segment != part:
            return None
        if specificity == VARIABLE:
            if not segment:
                return None
            parameters[part[1:-1]] = segment
    return parameters if len(pattern) == len(segments) else None
