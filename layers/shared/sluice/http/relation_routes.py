"""The routes below a row of a resource: the lists of its relations.

    GET /api/deals/<id>/notes

A list has the parameters and the scope of the other resource.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.http import responses
from sluice.http.paths import row_path
from sluice.http.query_params import ListParams
from sluice.http.request import Request
from sluice.http.resource_routes import FindRepository, Repository
from sluice.http.route import LazyRoute, RouteHandler, RouteSpec
from sluice.http.route_texts import a_row, words
from sluice.resource import Many
from sluice.sql.key import Key
from sluice.sql.list_spec import ListQuery, ListSpec, Parent


def relation_routes(
    repository: Repository, texts: Mapping[str, str], find: FindRepository
) -> Iterator[LazyRoute]:
    """Yield the routes of each relation that REST has."""
    resource = repository.resource
    for many in resource.lists:
        if many.rest:
            yield _RelatedList(repository, many, find, texts).lazy


class _RelatedList:
    """The list of the rows of another resource that reference a row."""

    def __init__(
        self, repository: Repository, many: Many, find: FindRepository, texts: Mapping[str, str]
    ) -> None:
        self._repository, self._many, self._find, self._texts = repository, many, find, texts
        name = f"list_{repository.resource.singular}_{many.name}"
        path = f"{row_path(repository.resource)}/{many.name}"
        self.lazy = LazyRoute(name, "GET", path, cache(self._route))

    def _route(self) -> tuple[RouteSpec, RouteHandler]:
        resource, other = self._repository.resource, self._find(self._many.resource)
        listed = related_list(other, self._many)
        text = f"List the {words(self._many.name)} of {a_row(resource)}."
        key = {field.name: field for field in resource.keys}
        return RouteSpec(
            method=self.lazy.method,
            path=self.lazy.path,
            name=self.lazy.name,
            text=self._texts.get(self.lazy.name) or text,
            response=listed,
            scope=f"{other.resource.scope_prefix}:read",
            path_fields=key,
            keys={"key": tuple(key)},
            query=ListParams(listed),
        ), self._list

    def _list(self, request: Request, query: ListQuery, key: Key) -> Response[str]:
        rows = runtime.current().get(self._find(self._many.resource))
        parent = Parent(self._repository.projection, key, ",".join(self._many.columns))
        return responses.page(request, rows.page(query, parent), query.limit)


def related_list(other: Repository, many: Many) -> ListSpec:
    """Return the list of the other resource without the filters of the foreign key."""
    fields = [field for field in other.resource.all_fields if field.column in many.columns]
    own = {name for field in fields for name in field.filters()}
    spec = other.list_spec
    filters = {name: each for name, each in spec.filters.items() if name not in own}
    return replace(spec, filters=filters)
