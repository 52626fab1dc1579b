"""Which route takes a request? API Gateway's rules for HTTP APIs: the most specific path, then the exact method.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from local.template import Route

STATIC, VARIABLE, GREEDY = 2, 1, 0  # how specific a segment of a route is


class Match(NamedTuple):
    route: Route
    path_parameters: dict[str, str]


class RouteTable:
    """Built once from the template; `match` is None where the gateway answers 404 itself."""

    def __init__(self, routes: Iterable[Route]) -> None:
        declared = list(routes)
        self._default = next((route for route in declared if route.key == "$default"), None)
        self._routes = sorted(
            (route for route in declared if route.key != "$default"), key=_rank, reverse=True
        )

    def match(self, method: str, path: str) -> Match | None:
        """`path` as it was sent, percent-encoded, so that an encoded slash does not split a segment."""
        segments = path.split("/")[1:]
        for route in self._routes:
            if route.method in (method, "ANY"):
                parameters = _bind(route.path.split("/")[1:], segments)
                if parameters is not None:
                    return Match(route, parameters)
        return Match(self._default, {}) if self._default else None


def _rank(route: Route) -> tuple[list[int], bool]:
    return [_specificity(segment) for segment in route.path.split("/")[1:]], route.method != "ANY"


def _specificity(segment: str) -> int:
    if segment.startswith("{"):
        return GREEDY if segment.endswith("+}") else VARIABLE
    return STATIC


def _bind(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """The path parameters, decoded; None where the path is another."""
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
