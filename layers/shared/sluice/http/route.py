"""A route, as it is declared: what it is asked, takes and gives. It is run by this, and openapi.json made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sluice.errors import NotAcceptable
from sluice.http import accept, content
from sluice.http.body import BodySchema
from sluice.http.query_params import FieldsParams, ListParams, QueryParams, parse_id
from sluice.http.request import Request
from sluice.repositories.list_spec import ListSpec
from sluice.repositories.projection import Column, Projection


@dataclass(frozen=True, slots=True)
class DataEnvelope:
    """`{"data": […]}` with rows that are all there is: no pages, no ETag."""

    fields: Mapping[str, Column]


Properties: TypeAlias = Mapping[
    str, Any
]  # JSON Schemas of an object's fields, where it is no resource
ResponseSpec: TypeAlias = (
    Projection | ListSpec | DataEnvelope | Properties | str | None
)  # a str: the media type of no JSON; None: no body


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """`path` has its ids as `<name>`; `name` is the function's, and `text` what it says of itself."""

    method: str
    path: str
    name: str
    text: str
    response: ResponseSpec
    scope: str  # that its callers need; empty: it is open
    query: QueryParams | None = None
    body: BodySchema | None = None
    idempotent: bool = False  # a POST that Idempotency-Key makes safe to repeat
    stale_if_error: bool = False  # while the database is away, the last good answer will do

    @property
    def media_types(self) -> tuple[str, ...]:
        """What a body may be declared as."""
        is_merge_patch = self.method == "PATCH" and self.body is not None and self.body.merge_patch
        return (content.JSON, content.MERGE_PATCH) if is_merge_patch else (content.JSON,)

    @property
    def changes_collection(self) -> bool:
        """Does it add to a collection, or change many of its rows? Then that is what a precondition is about."""
        creates = self.method == "POST" and isinstance(self.response, Projection)
        return creates or (self.method == "PATCH" and "<" not in self.path)

    def receive(self, request: Request) -> Request:
        """Return the request as the route may read it, unpacked.

        NotAcceptable if the client takes no JSON and JSON is what it would get; else what `content` raises.
        """
        gives_json = self.response is not None and not isinstance(self.response, str)
        accepted = accept.choose(request.headers.get("accept", ""), (content.JSON,), content.JSON)
        if gives_json and accepted is None:
            raise NotAcceptable(f"The response is {content.JSON}, which the Accept header excludes")
        if self.body is None:
            return request
        content.require_media_type(request, self.media_types)
        return content.decode(request, self.body.max_bytes)

    def read(self, request: Request, ids: Mapping[str, str]) -> tuple[list[Any], dict[str, int]]:
        """The route's arguments: what was asked or sent, and the ids in the path. BadRequest and ValidationFailed."""
        numbers = {name: parse_id(text, name) for name, text in ids.items()}
        if self.body is not None:
            return [self.body.read_body(content.read(request), self.method)], numbers
        return [] if self.query is None else [self.query.read(request.query)], numbers


def query_of(response: ResponseSpec) -> QueryParams | None:
    """What everybody may ask of a page and of a single resource."""
    if isinstance(response, ListSpec):
        return ListParams(response)
    return FieldsParams(response) if isinstance(response, Projection) else None
