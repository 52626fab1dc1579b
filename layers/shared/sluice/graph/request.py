"""The parameters of a GraphQL request, from a body or a query string. One that is not of its kind is BadRequest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.errors import BadRequest, FieldError, InvalidParameter
from sluice.http.body import BodySchema
from sluice.http.request import read_json

MOST_BYTES = 128 * 1024  # of a body: reading JSON costs before anything can judge what it says

NAMES = ("query", "operationName", "variables", "extensions")


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A document, which of its operations is meant, and its variables. `extensions` are taken, and ignored."""

    query: str
    operation: str | None
    variables: Mapping[str, Any]


class GraphQLBody(BodySchema):
    """Of a POST. What is none of the four parameters is passed over, as the specification wants it."""

    __slots__ = ()

    def read_body(self, document: object, method: str) -> Any:
        if isinstance(document, list):
            raise BadRequest("One request at a time: batches are not taken here")
        if not isinstance(document, dict):
            raise BadRequest("The body must be an object with a query")
        return _asked(
            document,
            lambda name, message: FieldError("type", message, pointer=f"/{name}"),
            BadRequest,
        )


BODY = GraphQLBody({}, max_bytes=MOST_BYTES)


class GraphQLQueryString:
    """Of a GET, where `variables` and `extensions` are JSON in text."""

    def read(self, query: Mapping[str, str]) -> GraphQLRequest:
        unknown = [
            FieldError("unknown_parameter", "is not a parameter here", parameter=n[:100])
            for n in query
            if n not in NAMES
        ]
        if unknown:
            raise InvalidParameter(errors=unknown)
        given: dict[str, Any] = dict(query)
        for name in ("variables", "extensions"):
            if query.get(name):
                given[name] = read_json(query[name], f"The parameter {name}")
            elif name in query:
                given[name] = None
        return _asked(
            given,
            lambda name, message: FieldError("invalid", message, parameter=name),
            InvalidParameter,
        )


def _asked(given: Mapping[str, Any], fault: Any, refusal: type[BadRequest]) -> GraphQLRequest:
    errors = []
    if not isinstance(given.get("query"), str):
        errors.append(fault("query", "must be a GraphQL document, as a string"))
    if not isinstance(given.get("operationName"), (str, type(None))):
        errors.append(fault("operationName", "must be a string"))
    errors += [
        fault(name, "must be an object")
        for name in ("variables", "extensions")
        if not isinstance(given.get(name), (dict, type(None)))
    ]
    if errors:
        raise refusal(errors=errors)
    return GraphQLRequest(
        given["query"], given.get("operationName") or None, given.get("variables") or {}
    )
