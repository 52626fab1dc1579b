"""Read the parameters of a GraphQL request from a JSON body or a query string."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sluice.errors import BadRequest, FieldError, InvalidParameter
from sluice.http.body import BodySchema
from sluice.http.query_params import NONE_REPEATED, Repeated
from sluice.http.request import read_json

# Smaller than the limit of other bodies, because parsing JSON takes time before any check can run.
MAX_BYTES = 128 * 1024

PARAMETERS = ("query", "operationName", "variables", "extensions")


class GraphQLRequest(NamedTuple):
    """A document, the name of the operation to run, and its variables. `extensions` are ignored."""

    query: str
    operation: str | None
    variables: Mapping[str, Any]


class GraphQLBody(BodySchema):
    """The body of a POST. Unknown members are ignored, as the specification requires."""

    def read_body(self, document: object, method: str) -> Any:
        """Return the GraphQLRequest. Raises BadRequest."""
        if isinstance(document, list):
            raise BadRequest("The body must be one request: batches are not supported")
        if not isinstance(document, dict):
            raise BadRequest("The body must be an object with a query")
        return _read_parameters(document, _body_error, BadRequest)


BODY = GraphQLBody([], max_bytes=MAX_BYTES)


class GraphQLQueryString:
    """The query string of a GET, with `variables` and `extensions` as JSON."""

    def read(self, query: Mapping[str, str], repeated: Repeated = NONE_REPEATED) -> GraphQLRequest:
        """Return the GraphQLRequest. Raises InvalidParameter, and BadRequest for invalid JSON."""
        unknown = [
            FieldError("unknown_parameter", "is not a parameter here", parameter=name[:100])
            for name in query
            if name not in PARAMETERS
        ]
        twice = [_parameter_error(name, "must be given once") for name in repeated]
        if unknown or twice:
            raise InvalidParameter(errors=[*unknown, *twice])
        parameters: dict[str, Any] = dict(query)
        for name in ("variables", "extensions"):
            if query.get(name):
                parameters[name] = read_json(query[name], f"The parameter {name}")
            elif name in query:
                parameters[name] = None
        return _read_parameters(parameters, _parameter_error, InvalidParameter)


def _body_error(name: str, message: str) -> FieldError:
    return FieldError("type", message, pointer=f"/{name}")


def _parameter_error(name: str, message: str) -> FieldError:
    return FieldError("invalid", message, parameter=name)


def _read_parameters(
    parameters: Mapping[str, Any],
    make_error: Callable[[str, str], FieldError],
    exception: type[BadRequest],
) -> GraphQLRequest:
    errors = []
    if not isinstance(parameters.get("query"), str):
        errors.append(make_error("query", "must be a GraphQL document, as a string"))
    if not isinstance(parameters.get("operationName"), (str, type(None))):
        errors.append(make_error("operationName", "must be a string"))
    errors += [
        make_error(name, "must be an object")
        for name in ("variables", "extensions")
        if not isinstance(parameters.get(name), (dict, type(None)))
    ]
    if errors:
        raise exception(errors=errors)
    return GraphQLRequest(
        parameters["query"],
        parameters.get("operationName") or None,
        parameters.get("variables") or {},
    )
