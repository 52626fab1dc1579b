"""Declarations of routes: parameters, body, response and scope.

The router and scripts/openapi.py, which writes openapi.json, use the same RouteSpecs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeGuard

from sluice.errors import FieldError, InvalidParameter
from sluice.http import content, headers
from sluice.http.body import BodySchema
from sluice.http.query_params import FieldsParams, ListParams, QueryParams
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt
from sluice.sql.key import of_segment

if TYPE_CHECKING:
    from sluice.sql.list_spec import ListSpec
    from sluice.sql.projection import Column, Projection


class DataEnvelope(NamedTuple):
    """A response `{"data": […]}` with all rows, without pagination and ETag."""

    fields: Mapping[str, Column]


# JSON Schemas of the fields of an object that is not a resource.
Properties: TypeAlias = Mapping[str, Any]

# A str is the media type of a response that is not JSON. None is a response without a body.
ResponseSpec: TypeAlias = "Projection | ListSpec | DataEnvelope | Properties | str | None"
WITHOUT_SQL = (DataEnvelope, Mapping, str, NoneType)


RouteHandler: TypeAlias = Callable[..., Response]
NO_KEYS: Mapping[str, Sequence[str]] = MappingProxyType({})


class RouteSpec(NamedTuple):
    """A route as a handler declares it.

    name: the handler's function name, which is the operationId in openapi.json.
    text: the handler's docstring, which is the description in openapi.json.
    path: the path template, with the fields of a key as `<name>`.
    path_fields: these fields, by name, in the order of the path.
    keys: the handler's argument → the names of the fields in the path that make a key. Without it,
        the handler gets the value of each field by its name.
    scope: the scope that clients need; empty for an open route.
    idempotent: whether `Idempotency-Key` makes the POST safe to repeat.
    stale_if_error: whether a cached response is served while the database is unavailable.
    needs_tenant: whether the rows belong to tenants, so that the request must have one.
    """

    method: str
    path: str
    name: str
    text: str
    response: ResponseSpec
    scope: str
    path_fields: Mapping[str, Field]
    keys: Mapping[str, Sequence[str]] = NO_KEYS
    query: QueryParams | None = None
    body: BodySchema | None = None
    idempotent: bool = False
    stale_if_error: bool = False
    needs_tenant: bool = False

    @property
    def media_types(self) -> tuple[str, ...]:
        """Return the media types that the body may have."""
        if self.method == "PATCH" and self.body is not None and self.body.merge_patch:
            return (content.JSON, content.MERGE_PATCH)
        return (content.JSON,)

    @property
    def changes_collection(self) -> bool:
        """Return whether the route adds to a collection or changes many of its rows.

        Then a precondition applies to the collection and not to a row. The links of a row are a
        collection, too.
        """
        if "<" in self.path:
            return self.is_link
        creates = self.method == "POST" and _is_row(self.response)
        return creates or self.method == "PATCH"

    @property
    def is_conditional(self) -> bool:
        """Return whether `If-Match` and `If-None-Match` of a write apply to a row."""
        is_of_row = "<" in self.path and not self.is_link
        return is_of_row and self.method in ("POST", "PUT", "PATCH", "DELETE")

    @property
    def is_link(self) -> bool:
        """Return whether the path has the keys of two rows."""
        return "other" in self.keys

    def prepare(self, request: Request) -> Request:
        """Check the headers and return the request with its body decompressed.

        Raise NotAcceptable if the response is JSON and the client does not accept JSON. Also raise
        what `content.require_media_type` and `content.decode` raise.
        """
        returns_json = self.response is not None and not isinstance(self.response, str)
        if returns_json:
            headers.accepted_type(request, (content.JSON,), content.JSON)
        if self.body is None or self._has_no_body(request):
            return request
        content.require_media_type(request, self.media_types)
        return content.decode(request, self.body.max_bytes)

    def parse_arguments(
        self, request: Request, path_texts: Mapping[str, str]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the handler's positional arguments, and the values of its path by name.

        Raise BadRequest, NotFound or ValidationFailed for an invalid path, query or body.
        """
        if self.query is None:
            _require_no_query(request)
        path = self._path_values(path_texts)
        if self.body is not None:
            document = {} if self._has_no_body(request) else content.read(request)
            return [self.body.read_body(document, self.method)], path
        if self.query is not None:
            return [self.query.read(request.query, request.repeated)], path
        return [], path

    def _has_no_body(self, request: Request) -> bool:
        return not request.body and self.body is not None and self.body.may_be_missing

    def _path_values(self, texts: Mapping[str, str]) -> dict[str, Any]:
        if not texts:
            return {}
        segments = zip(self.path_fields.items(), texts.values(), strict=True)
        values = {name: of_segment(field, text) for (name, field), text in segments}
        if not self.keys:
            return values
        return {
            argument: tuple(values[name] for name in names) for argument, names in self.keys.items()
        }


class LazyRoute(NamedTuple):
    """A route that is declared by the first request to it, or for openapi.json.

    So a function does not import the declarations of other resources when it starts.

    path: a path template. The names in it may differ from those of the declared route.
    make: returns the declared route and its handler.
    """

    name: str
    method: str
    path: str
    make: Callable[[], tuple[RouteSpec, RouteHandler]]

    @classmethod
    def of(cls, route: RouteSpec, handler: RouteHandler) -> LazyRoute:
        """Return the route of a declaration that is there already."""
        return cls(route.name, route.method, route.path, lambda: (route, handler))


def ids_of(path: str) -> dict[str, Field]:
    """Return the fields of a path template, if all of them are ids: whole numbers from 1."""
    return {name: BigInt(name, minimum=1) for name in re.findall(r"<(\w+)>", path)}


def default_query(response: ResponseSpec) -> QueryParams | None:
    """Return the query parameters of every list or of every single resource, or else None."""
    if _is_list(response):
        return ListParams(response)
    if _is_row(response):
        return FieldsParams(response)
    return None


def has_rows_of_tenants(response: ResponseSpec) -> bool:
    """Return whether the response has rows that belong to tenants."""
    projection = response.projection if _is_list(response) else response
    return _is_row(projection) and projection.tenant is not None


def _is_list(response: ResponseSpec) -> TypeGuard[ListSpec]:
    if isinstance(response, WITHOUT_SQL):
        return False
    from sluice.sql.list_spec import ListSpec  # late, because /health has neither lists nor rows

    return isinstance(response, ListSpec)


def _is_row(response: ResponseSpec) -> TypeGuard[Projection]:
    if isinstance(response, WITHOUT_SQL):
        return False
    from sluice.sql.projection import Projection

    return isinstance(response, Projection)


def _require_no_query(request: Request) -> None:
    """Raise InvalidParameter if the request has query parameters."""
    message = f"is not a parameter of {request.method} here"
    errors = [
        FieldError("unknown_parameter", message, parameter=name[:100]) for name in request.query
    ]
    if errors:
        raise InvalidParameter(errors=errors)
