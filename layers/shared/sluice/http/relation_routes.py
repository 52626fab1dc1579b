"""The routes below a row of a resource: the lists of its relations, and links.

    GET         /api/deals/<id>/notes
    GET         /api/deals/<id>/labels
    PUT DELETE  /api/deals/<id>/labels/<slug>

A list has the parameters and the scope of the other resource. A link is a row of the junction
table of a many-to-many relation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

from sluice import runtime
from sluice.http import responses
from sluice.http.body import OptionalBody
from sluice.http.paths import row_path
from sluice.http.query_params import ListParams
from sluice.http.request import Request, require_scope
from sluice.http.resource_routes import FindRepository, Repository, expandable, expanded_items
from sluice.http.response import Response
from sluice.http.route import LazyRoute, RouteHandler, RouteSpec
from sluice.http.route_names import has_links, name_of_relation
from sluice.http.route_texts import a_row, words
from sluice.resource import Many
from sluice.sql.junctions import junction_list
from sluice.sql.key import Key
from sluice.sql.links import OTHER, Link, LinkRepository
from sluice.sql.list_spec import ListQuery, ListSpec, Parent


def relation_routes(
    repository: Repository, texts: Mapping[str, str], find: FindRepository
) -> Iterator[LazyRoute]:
    """Yield the routes of each relation that REST has."""
    for many in repository.resource.lists:
        if many.rest:
            yield from RelationRoutes(repository, many, texts, find).routes()


class RelationRoutes:
    """The routes of a relation. They load the other resource when the first one is requested."""

    def __init__(
        self, repository: Repository, many: Many, texts: Mapping[str, str], find: FindRepository
    ) -> None:
        self._repository, self._many, self._texts, self._find = repository, many, texts, find
        self._path = f"{row_path(repository.resource)}/{many.name}"

    def routes(self) -> Iterator[LazyRoute]:
        """Yield the list, and for links PUT and DELETE."""
        yield self._lazy("list", "GET", self._path, self._list_route)
        if has_links(self._many):
            names = OTHER[: len(self._many.other_columns)]
            path = "/".join([self._path, *(f"<{name}>" for name in names)])
            yield self._lazy("put", "PUT", path, self._put_route)
            yield self._lazy("delete", "DELETE", path, self._delete_route)

    def list(self, request: Request, query: ListQuery, key: Key) -> Response:
        """Return a page of the rows below a row."""
        rows = runtime.current().get(self._other)
        junction = self._list_spec if self._many.through else None
        foreign_key = ",".join(self._many.columns)
        parent = Parent(self._repository.projection, key, foreign_key, junction)
        items = expanded_items(request, self._other, query.expand, self._find)
        page = rows.page(query._replace(expand=items), parent)
        return responses.page(request, page, query.limit)

    def put(self, request: Request, payload: dict[str, Any], key: Key, other: Key) -> Response:
        """Link two rows, or change the payload of their link."""
        require_scope(request, f"{self._other.resource.scope_prefix}:read")
        runtime.current().get(LinkRepository).put(self._link, key, other, payload)
        return responses.no_content()

    def delete(self, request: Request, key: Key, other: Key) -> Response:
        """Remove the link of two rows."""
        require_scope(request, f"{self._other.resource.scope_prefix}:read")
        runtime.current().get(LinkRepository).delete(self._link, key, other)
        return responses.no_content()

    @cached_property
    def _other(self) -> Repository:
        return self._find(self._many.resource)

    @cached_property
    def _link(self) -> Link:
        return Link(self._repository.projection, self._other.projection, self._many)

    @cached_property
    def _list_spec(self) -> ListSpec:
        if self._many.through:
            return junction_list(self._other, self._repository.resource, self._many)
        return related_list(self._other, self._many)

    def _lazy(self, verb: str, method: str, path: str, make: Any) -> LazyRoute:
        name = name_of_relation(self._repository.resource, verb, self._many.name)
        return LazyRoute(name, method, path, cache(lambda: make(name)))

    def _list_route(self, name: str) -> tuple[RouteSpec, RouteHandler]:
        resource = self._repository.resource
        key = {field.name: field for field in resource.keys}
        return RouteSpec(
            method="GET",
            path=self._path,
            name=name,
            text=self._texts.get(name)
            or f"List the {words(self._many.name)} of {a_row(resource)}.",
            response=self._list_spec,
            scope=f"{self._other.resource.scope_prefix}:read",
            path_fields=key,
            keys={"key": tuple(key)},
            query=ListParams(self._list_spec, expandable(self._other.resource)),
            needs_tenant=resource.has_tenant or self._other.resource.has_tenant,
        ), self.list

    def _put_route(self, name: str) -> tuple[RouteSpec, RouteHandler]:
        of = f"{a_row(self._repository.resource)} and {a_row(self._other.resource)}"
        change = ", or change the fields of their link" if self._many.payload else ""
        route = self._link_route("PUT", name, f"Link {of}{change}.")
        return route._replace(body=OptionalBody(self._many.payload)), self.put

    def _delete_route(self, name: str) -> tuple[RouteSpec, RouteHandler]:
        of = f"{a_row(self._repository.resource)} and {a_row(self._other.resource)}"
        return self._link_route("DELETE", name, f"Remove the link of {of}."), self.delete

    def _link_route(self, method: str, name: str, text: str) -> RouteSpec:
        resource, other = self._repository.resource, self._other.resource
        own = {field.name: field for field in resource.keys}
        others = {
            f"{other.singular}_{field.name}" if field.name in own else field.name: field
            for field in other.keys
        }
        return RouteSpec(
            method=method,
            path="/".join([self._path, *(f"<{key}>" for key in others)]),
            name=name,
            text=self._texts.get(name) or text,
            response=None,
            scope=f"{resource.scope_prefix}:write",
            path_fields={**own, **others},
            keys={"key": tuple(own), "other": tuple(others)},
            needs_tenant=resource.has_tenant or other.has_tenant,
        )


def related_list(other: Repository, many: Many) -> ListSpec:
    """Return the list of the other resource without the filters of the foreign key."""
    fields = [field for field in other.resource.all_fields if field.column in many.columns]
    own = {name for field in fields for name in field.filters()}
    spec = other.list_spec
    filters = {name: each for name, each in spec.filters.items() if name not in own}
    return replace(spec, filters=filters)
