"""The routes of a resource, from its declaration: list, create, get, replace, update, delete.

A route of another form is declared on the Api that `resource_api` returns, or on one of its own.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from sluice import application, runtime
from sluice.http import idempotency, responses
from sluice.http.body import body_of_changes, body_of_new, without_key
from sluice.http.conditional import precondition
from sluice.http.paths import collection_path, row_path
from sluice.http.query_params import ListParams, RowParams, RowQuery
from sluice.http.request import Request, require_scope
from sluice.http.response import Response
from sluice.http.route import LazyRoute, ResponseSpec, RouteHandler, RouteSpec
from sluice.http.route_names import name_of
from sluice.http.route_texts import default_text
from sluice.http.router import Api
from sluice.kinds.field import DeclarationError
from sluice.resource import One, Resource
from sluice.sql.key import Key
from sluice.sql.list_spec import ListQuery
from sluice.sql.resource_repository import ResourceRepository

NO_TEXTS: Mapping[str, str] = MappingProxyType({})
Repository: TypeAlias = type[ResourceRepository]
FindRepository: TypeAlias = Callable[[str], Repository]


def find_repository(name: str) -> Repository:
    """Return the repository class of a resource of the application."""
    repository: Repository = application.current().load("repositories", name)
    return repository


def resource_api(
    repository: Repository,
    *,
    texts: Mapping[str, str] = NO_TEXTS,
    without: Collection[str] = (),
    stale_if_error: bool = False,
    find: FindRepository = find_repository,
) -> Api:
    """Return the Api with the routes of the resource, as far as its `writes` allow them.

    texts: operationId, such as `create_user` → description. Each route has one by default.
    without: operationIds of routes that the application declares by hand.
    stale_if_error: whether GET serves the last response of a row while the database is unavailable.
    find: returns the repository class of another resource by its name.

    Raises DeclarationError if `texts` or `without` names no route.
    """
    resource = repository.resource
    api = Api(runtime=runtime.current, scope=resource.scope_prefix, keys=resource.keys)
    declared = _routes(repository, texts, find, stale_if_error=stale_if_error)
    routes = [
        *(LazyRoute.of(route, handler) for route, handler in declared),
        *_routes_below(repository, texts, find),
    ]
    unknown = {*texts, *without} - {route.name for route in routes}
    if unknown:
        raise DeclarationError(f"{resource.name} has no route {', '.join(sorted(unknown))}")
    for route in routes:
        if route.name not in without:
            api.add_lazily(route)
    return api


class ResourceHandlers:
    """Handle the requests of a resource by the methods of its repository."""

    def __init__(self, repository: Repository, find: FindRepository) -> None:
        self._repository = repository
        self._find = find

    def list(self, request: Request, query: ListQuery) -> Response:
        items = expanded_items(request, self._repository, query.expand, self._find)
        page = self._rows().page(query._replace(expand=items))
        return responses.page(request, page, query.limit)

    def create(self, request: Request, values: dict[str, Any]) -> Response:
        rows = self._rows()
        return idempotency.create(
            request,
            runtime.current().idempotency,
            self._repository.resource.keys,
            lambda key: rows.create(values, key),
        )

    def get(self, request: Request, query: RowQuery, key: Key) -> Response:
        items = expanded_items(request, self._repository, query.expand, self._find)
        return responses.ok(request, self._rows().get_by_id(key, query.fields, items))

    def update(self, request: Request, values: dict[str, Any], key: Key) -> Response:
        changes = without_key(self._repository.resource, values, key)
        return responses.ok(request, self._rows().update(key, changes, precondition(request)))

    def delete(self, request: Request, key: Key) -> Response:
        self._rows().delete(key, precondition(request))
        return responses.no_content()

    def _rows(self) -> ResourceRepository:
        return runtime.current().get(self._repository)


def expanded_items(
    request: Request, repository: Repository, paths: tuple[str, ...], find: FindRepository
) -> tuple[str, ...]:
    """Return the SQL of the referenced rows to show in each row. Few requests need the module.

    Raises InvalidParameter, and InsufficientScope without the scope of such a row.
    """
    if not paths:
        return ()
    from sluice.sql.expand import expanded

    found = expanded(repository, paths, find)
    for scope in found.scopes:
        require_scope(request, scope)
    return found.items


def expandable(resource: Resource) -> tuple[One, ...]:
    """Return the references that `?expand=` knows."""
    return tuple(one for one in resource.refs if one.expand)


def _routes(
    repository: Repository,
    texts: Mapping[str, str],
    find: FindRepository,
    *,
    stale_if_error: bool,
) -> Iterator[tuple[RouteSpec, RouteHandler]]:
    resource = repository.resource
    list_spec = repository.list_spec
    row = list_spec.projection
    handlers = ResourceHandlers(repository, find)
    references = expandable(resource)
    key = {field.name: field for field in resource.keys}

    def route(verb: str, method: str, response: ResponseSpec, **declared: Any) -> RouteSpec:
        name = name_of(resource, verb)
        is_of_row = verb not in ("list", "create")
        return RouteSpec(
            method=method,
            path=row_path(resource) if is_of_row else collection_path(resource),
            name=name,
            text=texts.get(name) or default_text(resource, verb),
            response=response,
            scope=f"{resource.scope_prefix}:{'read' if method == 'GET' else 'write'}",
            path_fields=key if is_of_row else {},
            keys={"key": tuple(key)} if is_of_row else {},
            needs_tenant=resource.has_tenant,
            **declared,
        )

    yield route("list", "GET", list_spec, query=ListParams(list_spec, references)), handlers.list
    if "create" in resource.writes:
        body = body_of_new(resource)
        yield route("create", "POST", row, body=body, idempotent=True), handlers.create
    query = RowParams(row, references)
    yield route("get", "GET", row, query=query, stale_if_error=stale_if_error), handlers.get
    changes = body_of_changes(resource)
    if "replace" in resource.writes:
        yield route("replace", "PUT", row, body=changes), handlers.update
    if "update" in resource.writes:
        yield route("update", "PATCH", row, body=changes), handlers.update
    if "delete" in resource.writes:
        yield route("delete", "DELETE", None), handlers.delete


def _routes_below(
    repository: Repository, texts: Mapping[str, str], find: FindRepository
) -> Iterator[LazyRoute]:
    """Yield the routes below a row. Their modules are loaded only for a resource that has some."""
    if any(many.rest for many in repository.resource.lists):
        from sluice.http.relation_routes import relation_routes

        yield from relation_routes(repository, texts, find)
    if repository.resource.functions:
        from sluice.http.function_routes import function_routes

        yield from function_routes(repository, texts)
