"""The source of `routes/<resource>.py`: a handler for each route of a resource."""

from collections.abc import Iterator
from string import Template

from scripts.eject.parts import Ejected
from sluice.http.paths import collection_path, row_path
from sluice.http.resource_routes import expandable
from sluice.http.route_texts import default_text
from sluice.resource import Resource

ENGINE_IMPORTS = {
    "sluice": "runtime",
    "sluice.http": "responses",
    "sluice.http.request": "Request",
    "sluice.sql.list_spec": "ListQuery",
}
EXPAND_IMPORTS = {
    "sluice.http.query_params": "ListParams, RowParams, RowQuery",
    "sluice.http.resource_routes": "expandable, expanded_items, find_repository",
}
HEAD = Template('''\
"""The routes of /api/$name.

`make eject` wrote the handlers once, and they are yours to change.
"""

$imports

$api

''')
FIND = Template("""
def _rows() -> $repository:
    return runtime.current().get($repository)

""")
LIST = Template('''
@api.get("$collection", response=$repository.list_spec$list_query)
def list_$name(request: Request, query: ListQuery) -> Response:
    """$list"""
$list_body

''')
CREATE = Template('''
@api.post("$collection", body=NEW, response=$repository.projection)
def create_$singular(request: Request, values: dict[str, Any]) -> Response:
    """$create"""
    rows = _rows()
    return idempotency.create(
        request,
        runtime.current().idempotency,
        $constant.keys,
        lambda key: rows.create(values, key),
    )

''')
GET = Template('''
@api.get("$row", response=$repository.projection$row_query)
def get_$singular($get_arguments) -> Response:
    """$get"""
$get_body

''')
CHANGE = Template('''
@api.$method("$row", body=CHANGES, response=$repository.projection)
def ${verb}_$singular(request: Request, values: dict[str, Any], $path) -> Response:
    """$text"""
    return _changed(request, values, ($key,))

''')
CHANGED = Template('''
def _changed(request: Request, values: dict[str, Any], key: Key) -> Response:
    """Change a row by the fields that the client sent."""
    changes = without_key($constant, values, key)
    return responses.ok(request, _rows().update(key, changes, precondition(request)))

''')
DELETE = Template('''
@api.delete("$row")
def delete_$singular(request: Request, $path) -> Response:
    """$delete"""
    _rows().delete(($key,), precondition(request))
    return responses.no_content()

''')


def text(ejected: Ejected) -> str:
    """Return the source, before `ruff format`."""
    return "".join(_sections(ejected)).rstrip() + "\n"


def _sections(ejected: Ejected) -> Iterator[str]:
    resource = ejected.resource
    names = _names(ejected)
    yield HEAD.substitute(names, imports="\n".join(_imports(ejected)), api=_api(ejected))
    yield FIND.substitute(names)
    yield LIST.substitute(names)
    if "create" in resource.writes:
        yield CREATE.substitute(names)
    yield GET.substitute(names)
    for verb, method in (("replace", "put"), ("update", "patch")):
        if verb in resource.writes:
            names |= {"verb": verb, "method": method, "text": default_text(resource, verb)}
            yield CHANGE.substitute(names)
    if "delete" in resource.writes:
        yield DELETE.substitute(names)
    if {"replace", "update"} & {*resource.writes}:
        yield CHANGED.substitute(names)


def _api(ejected: Ejected) -> str:
    """Return the Api and the constants that the routes have."""
    resource, names = ejected.resource, _names(ejected)
    if _has_others(resource):
        declared = ", ".join(repr(name) for name in _operations(resource))
        api = "# The routes below a row stay derived.\n" + Template(
            f"api = resource_api($repository, without=({declared},))\n"
        ).substitute(names)
    else:
        api = Template(
            'api = Api(runtime=runtime.current, scope="$scope", keys=$constant.keys)\n'
        ).substitute(names)
    if "create" in resource.writes:
        api += Template("NEW = body_of_new($constant)\n").substitute(names)
    if {"replace", "update"} & {*resource.writes}:
        api += Template("CHANGES = body_of_changes($constant)\n").substitute(names)
    return api


def _has_others(resource: Resource) -> bool:
    """Return whether there are routes below a row."""
    return any(many.rest for many in resource.lists) or bool(resource.functions)


def _operations(resource: Resource) -> list[str]:
    verbs = ("create", "replace", "update", "delete")
    others = [verb for verb in verbs if verb in resource.writes]
    return [f"list_{resource.name}", *(f"{v}_{resource.singular}" for v in ("get", *others))]


def _imports(ejected: Ejected) -> Iterator[str]:
    resource, writes = ejected.resource, {*ejected.resource.writes}
    imports = dict(ENGINE_IMPORTS)
    bodies = []
    if "create" in writes:
        bodies.append("body_of_new")
        imports["sluice.http"] = "idempotency, responses"
    if writes & {"replace", "update"}:
        bodies += ["body_of_changes", "without_key"]
        imports["sluice.sql.key"] = "Key"
    if writes & {"replace", "update", "delete"}:
        imports["sluice.http.conditional"] = "precondition"
    if bodies:
        imports["sluice.http.body"] = ", ".join(sorted(bodies))
    if expandable(resource):
        imports |= EXPAND_IMPORTS
    if _has_others(resource):
        module = "sluice.http.resource_routes"
        imports[module] = ", ".join([*filter(None, [imports.get(module)]), "resource_api"])
    else:
        imports["sluice.http.router"] = "Api"
    yield "from typing import Any"
    yield ""
    yield "from sluice.http.response import Response"
    yield ""
    constant = ejected.found.declaration.partition(":")[2]
    own = {ejected.module: f"{constant}, {ejected.repository.__name__}"}
    for module, names in sorted((imports | own).items()):
        yield f"from {module} import {names}"


def _names(ejected: Ejected) -> dict[str, str]:
    """Return what the templates have."""
    resource, repository = ejected.resource, ejected.repository.__name__
    constant = ejected.found.declaration.partition(":")[2]
    path = ", ".join(f"{key.name}: Any" for key in resource.keys)
    key = ", ".join(key.name for key in resource.keys)
    verbs = ("list", "create", "get", "delete")
    if expandable(resource):
        items = f"expanded_items(request, {repository}, query.expand, find_repository)"
        more = {
            "list_query": f", query=ListParams({repository}.list_spec, expandable({constant}))",
            "row_query": f", query=RowParams({repository}.projection, expandable({constant}))",
            "list_body": f"    items = {items}\n"
            "    page = _rows().page(query._replace(expand=items))\n"
            "    return responses.page(request, page, query.limit)",
            "get_arguments": f"request: Request, query: RowQuery, {path}",
            "get_body": f"    items = {items}\n"
            f"    row = _rows().get_by_id(({key},), query.fields, items)\n"
            "    return responses.ok(request, row)",
        }
    else:
        more = {
            "list_query": "",
            "row_query": "",
            "list_body": "    return responses.page(request, _rows().page(query), query.limit)",
            "get_arguments": f"request: Request, fields: frozenset[str] | None, {path}",
            "get_body": f"    return responses.ok(request, _rows().get_by_id(({key},), fields))",
        }
    return (
        more
        | {verb: default_text(resource, verb) for verb in verbs}
        | {
            "name": resource.name,
            "singular": resource.singular,
            "scope": resource.scope_prefix,
            "repository": repository,
            "constant": constant,
            "collection": collection_path(resource),
            "row": row_path(resource),
            "path": path,
            "key": key,
        }
    )
