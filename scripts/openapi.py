"""Write openapi.json (OpenAPI 3.1) from the routes that handlers declare, for `make derive`.

Routes, body schemas, filters, sorts and errors are declared once, in the code that uses them.
"""

import importlib
import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from local.intrinsics import load_template
from scripts import examples, openapi_tags
from scripts import json_schemas as schemas
from scripts.json_schemas import Schema, object_of
from scripts.openapi_errors import (
    OF_TENANTS,
    errors_by_status,
    problem_responses,
    problem_schema,
)
from scripts.openapi_headers import RESPONSE_HEADERS, references, request_headers
from scripts.openapi_tags import Tag
from sluice import application
from sluice.application import ENGINE_FUNCTIONS, ApplicationFunction
from sluice.graph.handler import GRAPHQL_RESPONSE
from sluice.http.body import OptionalBody
from sluice.http.paths import to_openapi
from sluice.http.query_params import ListParams, RowParams, SqlParams
from sluice.http.route import DataEnvelope, RouteSpec
from sluice.http.router import Api
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt
from sluice.resource import One
from sluice.sql import key
from sluice.sql.list_spec import ListSpec
from sluice.sql.projection import Projection

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "functions/docs/openapi.json"
SERVICE = ("health", "docs")
JSON = "application/json"
AUTHENTICATION = (
    "Authentication: send an API key in the header `X-API-Key`, or a token as "
    "`Authorization: Bearer`. The button **Authorize** of `/docs` keeps it for all its requests."
)
PAGINATION_EXAMPLE = {"limit": 20, "has_more": False, "next_cursor": None, "prev_cursor": None}


def handlers() -> dict[str, ModuleType]:
    """Return the handlers' modules of functions with routes, by the name of the folder.

    The application's functions come first, then the engine's in the order of template.yaml.
    """
    names = [function.module for function in application.current().functions]
    for resource in load_template(ROOT / "template.yaml")["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            events = resource["Properties"].get("Events", {}).values()
            name = ApplicationFunction(resource["Properties"]["CodeUri"], {}).module
            is_engine = name.split(".")[-2] in ENGINE_FUNCTIONS
            if is_engine and any(event["Type"] == "HttpApi" for event in events):
                names.append(name)
    return {name.split(".")[-2]: importlib.import_module(name) for name in names}


def apis() -> dict[str, Api]:
    """Return the Apis of the functions with routes, by the name of the folder."""
    return {name: module.handler for name, module in handlers().items()}


def render() -> str:
    """Return the content of openapi.json."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def document() -> Schema:
    """Return the OpenAPI document. Raise DeclarationError if two routes have the same name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    components: Schema = {
        "schemas": {"Problem": problem_schema()},
        "responses": {},
        "parameters": request_headers(),
        "headers": RESPONSE_HEADERS,
        "securitySchemes": {
            "apiKey": {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "An API key of this deployment.",
            },
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A token of the issuer that the deployment trusts.",
            },
        },
    }
    tags = list(openapi_tags.tags(handlers()))
    openapi_tags.require_unique_names(tags)
    paths: dict[str, Schema] = {}
    for tag in tags:
        _add_operations(paths, tag, components["schemas"])
    operations = [operation for path in paths.values() for operation in path.values()]
    for operation in operations:
        _describe_references(operation, paths)
    used = {status for operation in operations for status in operation["responses"]}
    components["responses"] = problem_responses(used)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Sluice",
            "version": project["version"],
            "description": f"{examples.texts().description}\n\n{AUTHENTICATION}",
            "contact": {"name": "The Sluice project"},
            "license": {"name": "Apache License 2.0", "identifier": project["license"]},
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": [{"name": tag.name, "description": tag.description} for tag in tags],
        "paths": paths,
        "components": components,
    }


def _add_operations(paths: dict[str, Schema], tag: Tag, components: Schema) -> None:
    """Add the operations of a tag to `paths`, and their schemas to `components`."""
    known = _known_examples(tag.routes)
    for route in tag.routes:
        if not openapi_tags.is_described(route):
            continue
        path = to_openapi(route.path)
        operation = {"tags": [tag.name], **operation_of(route, components, known)}
        if tag.name in SERVICE:
            operation["security"] = []
        paths.setdefault(path, {})[route.method.lower()] = operation


def _describe_references(operation: Schema, paths: Schema) -> None:
    """Name the lists with the rows that a body must reference, of those that are served."""
    found = operation.pop("x-references", [])
    served = [each for each in found if "get" in paths.get(each["path"], {})]
    if served:
        operation["x-references"] = served
        named = "; ".join(
            f"`{field}` is the `{other}` of a row of `{each['path']}`"
            for each in served
            for field, other in each["fields"].items()
        )
        operation["description"] += f" Referenced rows must exist: {named}."


def _known_examples(routes: Sequence[RouteSpec]) -> Schema:
    """Return the values of the resource's example bodies, by field."""
    known: Schema = {}
    for route in routes:
        if route.body is not None and not isinstance(route.body, OptionalBody):
            known |= examples.of_body(route.body)
    return known


def operation_of(route: RouteSpec, components: Schema, known: Schema) -> Schema:
    """Return the operation of a route. Schemas that it refers to are added to `components`."""
    described: Schema = {
        "operationId": route.name,
        "summary": route.text.strip().rstrip(".").replace("`", ""),  # plain text
        "description": route.text.strip(),
        "parameters": list(_parameters(route)),
        "responses": {**_success(route, components, known), **_problems(route)},
    }
    if route.is_link:
        described["x-references"] = [examples.linked_rows(route)]
    if route.body is not None:
        schema = schemas.of_body(route.body, route.method)
        row = route.response
        resource = row.name if isinstance(row, Projection) else ""
        example = examples.of_body(route.body, route.method, resource)
        content = {
            media_type: {"schema": schema, "example": example} for media_type in route.media_types
        }
        described["requestBody"] = {"required": not route.body.may_be_missing, "content": content}
        if examples.has_row_values(route.method, resource):
            described["x-row-values"] = True
        if route.method == "POST" and "<" not in route.path:
            unique = examples.unique_fields(route.body, resource)
            described |= {"x-unique": unique} if unique else {}
            references = examples.references(route.body, resource)
            described |= {"x-references": references} if references else {}
    return described


def _parameters(route: RouteSpec) -> Iterator[Schema]:
    for name, field in route.path_fields.items():
        described = {"schema": field.path_schema(), "example": _path_example(field)}
        yield {"name": name, "in": "path", "required": True, **described}
    yield from schemas.of_query(route.query)
    replica_scopes = application.current().all_replica_scopes
    for name, applies in (
        ("IfNoneMatch", route.method == "GET" and isinstance(route.response, Projection)),
        ("IfNoneMatchOfWrite", route.is_conditional),
        ("IfMatch", route.is_conditional),
        ("IdempotencyKey", route.idempotent),
        ("Tenant", _may_need_tenant(route)),
        ("MinLSN", route.scope in replica_scopes or route.response == GRAPHQL_RESPONSE),
    ):
        if applies:
            yield {"$ref": f"#/components/parameters/{name}"}


def _may_need_tenant(route: RouteSpec) -> bool:
    """Return whether the route reads or writes rows of tenants, or may do so."""
    prefixes = ("/api/graphql", "/api/imports", "/api/analytics/query")
    return bool(application.current().tenant) and (
        route.needs_tenant or route.path.startswith(prefixes)
    )


def _path_example(field: Field) -> object:
    return field.example if isinstance(field, BigInt) else key.to_path((field.example,))


def _success(route: RouteSpec, components: Schema, known: Schema) -> Schema:
    """Return the successful responses of a route, by status."""
    spec = route.response
    headers = ["X-Request-Id"]
    if route.scope.endswith(":write") or spec == GRAPHQL_RESPONSE:
        headers.append("X-Sluice-Min-LSN")
    if route.idempotent and "<" in route.path:
        headers.append("Idempotency-Replayed")
    if spec is None:
        return {"204": _response("Deleted." if route.method == "DELETE" else "Done.", headers)}
    if spec == GRAPHQL_RESPONSE:
        return {"200": _graphql_response(headers)}
    if isinstance(spec, str):
        schema = {"type": "object" if spec == JSON else "string"}
        return {"200": _response("The file.", headers, spec, schema)}
    if isinstance(spec, Projection):
        return _row_responses(route, spec, headers, components, known)
    if isinstance(spec, ListSpec):
        headers.append("Link")
        row = examples.of_columns(spec.projection.fields, known)
        example = {"data": [row], "pagination": PAGINATION_EXAMPLE}
        page = _page(route, spec, components)
        return {"200": _response("A page of rows.", headers, JSON, page, example)}
    if isinstance(spec, DataEnvelope):
        data = object_of(data={"type": "array", "items": schemas.of_columns(spec.fields)})
        example = {"data": [examples.of_columns(spec.fields, examples.texts().row_example)]}
        return {"200": _response("All rows.", headers, JSON, data, example)}
    return {"200": _response("Done.", headers, JSON, object_of(**spec))}


def _graphql_response(headers: list[str]) -> Schema:
    schema = {
        "description": "The members data, errors and extensions of a GraphQL response.",
        "type": "object",
    }
    response = _response("The result and its errors.", headers, GRAPHQL_RESPONSE, schema)
    response["content"][JSON] = response["content"][GRAPHQL_RESPONSE]
    return response


def _row_responses(
    route: RouteSpec, projection: Projection, headers: list[str], components: Schema, known: Schema
) -> Schema:
    """Return the successful responses of a route that returns a single row."""
    row = _resource(route, projection, components)
    example = examples.of_columns(projection.fields, known)
    name = projection.singular
    headers = [*headers, "ETag"]
    if route.method == "POST" and "<" not in route.path:
        headers.append("Location")
        if route.idempotent:
            headers.append("Idempotency-Replayed")
        return {"201": _response(f"The new {name}.", headers, JSON, row, example)}
    responses = {"200": _response(f"The {name}.", headers, JSON, row, example)}
    if route.method == "GET":
        responses["304"] = _response("The client already has this version.", headers)
    return responses


def _page(route: RouteSpec, list_spec: ListSpec, components: Schema) -> Schema:
    cursors = {name: {"type": ["string", "null"]} for name in ("next_cursor", "prev_cursor")}
    pagination = object_of(limit={"type": "integer"}, has_more={"type": "boolean"}, **cursors)
    pagination["properties"]["total"] = {
        "type": "integer",
        "description": "Only with `include_total=true`.",
    }
    components["Pagination"] = pagination
    rows = {"type": "array", "items": _resource(route, list_spec.projection, components)}
    return object_of(data=rows, pagination={"$ref": "#/components/schemas/Pagination"})


def _resource(route: RouteSpec, projection: Projection, components: Schema) -> Schema:
    """Return the schema of a resource. For GET, of any part that `fields` can select."""
    # A link has a schema of its own, because it may have a payload.
    is_link = "/" in projection.name
    words = projection.name.replace("/", "_").title().replace("_", "")
    name = words if is_link else projection.singular.title()
    partial = f"Partial{name}"
    schema = schemas.of_columns(projection.fields)
    required = schema.pop("required")
    if isinstance(route.query, (RowParams, ListParams)):
        schema["properties"] |= {one.name: _expanded(one) for one in route.query.expandable}
    if route.method == "POST" and partial in components:
        others = components[partial]["properties"]
        added = {key: each for key, each in schema["properties"].items() if key not in others}
        if added:  # only a new row has it, such as the `upload_url` of an import
            row = {"$ref": f"#/components/schemas/{name}"}
            return {"allOf": [row], "properties": added, "required": [*added]}
    components[partial] = {**schema, "minProperties": 1}
    components[name] = {
        "allOf": [{"$ref": f"#/components/schemas/{partial}"}],
        "required": required,
    }
    return {"$ref": f"#/components/schemas/{partial if route.method == 'GET' else name}"}


def _expanded(one: One) -> Schema:
    text = f"The row of {one.resource}. Only with `expand={one.name}`."
    return {"type": ["object", "null"], "description": text}


def _response(
    description: str,
    headers: list[str],
    media_type: str = "",
    schema: Schema | None = None,
    example: Any = None,
) -> Schema:
    response: Schema = {"description": description}
    response["headers"] = references(headers)
    if media_type:
        response["content"] = {
            media_type: {"schema": schema} | ({"example": example} if example else {})
        }
    return response


def _problems(route: RouteSpec) -> Schema:
    """Return the error responses that the route can have."""
    is_api = route.path.startswith("/api")
    uses_database = is_api or route.path == "/health/ready"
    statuses = {
        400: True,
        401: is_api,
        403: is_api,
        404: "<" in route.path,
        406: not isinstance(route.response, str) or route.response == GRAPHQL_RESPONSE,
        409: route.method != "GET",
        412: route.is_conditional,
        413: route.body is not None,
        415: route.body is not None,
        422: route.body is not None,
        429: is_api,
        500: True,
        503: uses_database,
        504: uses_database,
    }
    known = errors_by_status()
    problems = {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status, applies in statuses.items()
        if applies and status in known
    }
    if _may_need_tenant(route):
        problems["403"] = {"$ref": f"#/components/responses/{OF_TENANTS}"}
    if isinstance(route.response, ListSpec) or isinstance(route.query, SqlParams):
        problems["431"] = {
            "description": "API Gateway's response if the URL and headers have more than 10 KiB."
        }
    return problems
