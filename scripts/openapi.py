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
from scripts.json_schemas import Schema
from scripts.openapi_headers import REQUEST_HEADERS, RESPONSE_HEADERS
from scripts.openapi_tags import Tag
from sluice import application, errors
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
TENANT_ERRORS = (errors.NoTenant, errors.TenantNotAllowed)  # of applications with tenants
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
    """Return the OpenAPI document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    components: Schema = {
        "schemas": {"Problem": _problem()},
        "responses": {},
        "parameters": REQUEST_HEADERS,
        "headers": RESPONSE_HEADERS,
        "securitySchemes": {
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        },
    }
    tags = list(openapi_tags.tags(handlers()))
    paths: dict[str, Schema] = {}
    for tag in tags:
        _add_operations(paths, tag, components["schemas"])
    operations = [operation for path in paths.values() for operation in path.values()]
    used = {status for operation in operations for status in operation["responses"]}
    for status, kinds in sorted(_errors_by_status().items()):
        if str(status) in used:  # no operation returns 405
            components["responses"][f"Problem{status}"] = _problem_response(status, kinds)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Sluice",
            "version": project["version"],
            "description": examples.texts().description,
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
        if route.path.startswith("/docs/"):  # files of the documentation page
            continue
        path = to_openapi(route.path)
        operation = {"tags": [tag.name], **_operation(route, components, known)}
        if tag.name in SERVICE:
            operation["security"] = []
        paths.setdefault(path, {})[route.method.lower()] = operation


def _known_examples(routes: Sequence[RouteSpec]) -> Schema:
    """Return the values of the resource's example bodies, by field."""
    known: Schema = {}
    for route in routes:
        if route.body is not None and not isinstance(route.body, OptionalBody):
            known |= examples.of_body(route.body)
    return known


def _operation(route: RouteSpec, components: Schema, known: Schema) -> Schema:
    described: Schema = {
        "operationId": route.name,
        "summary": route.text.strip().rstrip("."),
        "description": route.text.strip(),
        "parameters": list(_parameters(route)),
        "responses": {**_success(route, components, known), **_problems(route)},
    }
    if route.body is not None:
        schema = schemas.of_body(route.body, route.method)
        row = route.response
        resource = row.name if isinstance(row, Projection) else ""
        example = examples.of_body(route.body, route.method, resource)
        content = {
            media_type: {"schema": schema, "example": example} for media_type in route.media_types
        }
        described["requestBody"] = {"required": not route.body.may_be_missing, "content": content}
        if route.method == "POST" and "<" not in route.path:
            unique = examples.unique_fields(route.body, resource)
            described |= {"x-unique": unique} if unique else {}
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
        ("MinLSN", route.scope in replica_scopes or route.response == GRAPHQL_RESPONSE),
    ):
        if applies:
            yield {"$ref": f"#/components/parameters/{name}"}


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
        data = _object(data={"type": "array", "items": schemas.of_columns(spec.fields)})
        example = {"data": [examples.of_columns(spec.fields, examples.texts().row_example)]}
        return {"200": _response("All rows.", headers, JSON, data, example)}
    return {"200": _response("Done.", headers, JSON, _object(**spec))}


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
    pagination = _object(limit={"type": "integer"}, has_more={"type": "boolean"}, **cursors)
    pagination["properties"]["total"] = {
        "type": "integer",
        "description": "Only with `include_total=true`.",
    }
    components["Pagination"] = pagination
    rows = {"type": "array", "items": _resource(route, list_spec.projection, components)}
    return _object(data=rows, pagination={"$ref": "#/components/schemas/Pagination"})


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
    components[partial] = {**schema, "minProperties": 1}
    components[name] = {
        "allOf": [{"$ref": f"#/components/schemas/{partial}"}],
        "required": required,
    }
    return {"$ref": f"#/components/schemas/{partial if route.method == 'GET' else name}"}


def _expanded(one: One) -> Schema:
    text = f"The row of {one.resource}. Only with `expand={one.name}`."
    return {"type": ["object", "null"], "description": text}


def _object(**properties: Schema) -> Schema:
    required = [name for name, schema in properties.items() if not schema.get("x-optional")]
    return {"type": "object", "properties": properties, "required": required}


def _response(
    description: str,
    headers: list[str],
    media_type: str = "",
    schema: Schema | None = None,
    example: Any = None,
) -> Schema:
    response: Schema = {"description": description}
    response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    if media_type:
        response["content"] = {
            media_type: {"schema": schema} | ({"example": example} if example else {})
        }
    return response


def _problems(route: RouteSpec) -> Schema:
    """Return the error responses that the route can have."""
    uses_database = route.path not in ("/health", "/openapi.json", "/docs")
    statuses = {
        400: True,
        401: route.path.startswith("/api"),
        403: route.path.startswith("/api"),
        404: "<" in route.path,
        406: not isinstance(route.response, str) or route.response == GRAPHQL_RESPONSE,
        409: route.method != "GET",
        412: route.is_conditional,
        413: route.body is not None,
        415: route.body is not None,
        422: route.body is not None,
        429: route.path.startswith("/api"),
        500: True,
        503: uses_database,
        504: uses_database,
    }
    known = _errors_by_status()
    problems = {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status, applies in statuses.items()
        if applies and status in known
    }
    if isinstance(route.response, ListSpec) or isinstance(route.query, SqlParams):
        problems["431"] = {
            "description": "API Gateway's response if the URL and headers have more than 10 KiB."
        }
    return problems


def error_classes() -> Iterator[type[errors.SluiceError]]:
    """Yield the error classes of the engine and of the application, each after its base class.

    Another application of this process may have classes, too. Those of tenants are left out.
    """
    own = {application.load(target) for target in application.current().error_classes}
    queue = [errors.SluiceError]
    while queue:
        kind = queue.pop(0)
        queue += kind.__subclasses__()
        if kind in TENANT_ERRORS:
            continue
        if kind in own or kind.__module__ == errors.__name__:
            yield kind


def _errors_by_status() -> dict[int, list[type[errors.SluiceError]]]:
    """Return the error classes that clients can see, by HTTP status and once for each code.

    The application's follow those of the engine, except those of idempotency, which are last.
    """
    by_status: dict[int, list[type[errors.SluiceError]]] = {}
    for kind in error_classes():
        if kind in (errors.SluiceError, errors.Unavailable):
            continue
        same_status = by_status.setdefault(kind.status, [])
        if all(kind.code != known.code for known in same_status):
            same_status.append(kind)
    for kinds in by_status.values():
        kinds.sort(key=lambda kind: kind.code.startswith("idempotency_"))
    return by_status


def _problem() -> Schema:
    text = {"type": "string"}
    field_error = _object(code=text, message=text)
    field_error["properties"] |= {
        "pointer": {**text, "description": "A JSON pointer into the body (RFC 6901)."},
        "parameter": text,
    }
    problem = _object(
        type=text, title=text, status={"type": "integer"}, detail=text, code=text, request_id=text
    )
    problem["properties"]["errors"] = {
        "type": "array",
        "items": field_error,
        "description": "All invalid fields and parameters.",
    }
    return {
        "description": "A problem document (RFC 9457). `code` is stable; docs/errors.md has the "
        "cause and the remedy of each.",
        **problem,
    }


def _problem_response(status: int, kinds: list[type[errors.SluiceError]]) -> Schema:
    examples = {kind.code: {"summary": kind.title, "value": _example(kind)} for kind in kinds}
    headers = ["X-Request-Id", *(["Retry-After"] if status in (429, 503) else [])]
    response = _response("; ".join(f"`{kind.code}`: {kind.title}" for kind in kinds), headers)
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    return {**response, "content": {"application/problem+json": content}}


def _example(kind: type[errors.SluiceError]) -> Schema:
    return {
        "type": f"urn:sluice:error:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.title,
        "code": kind.code,
        "request_id": "3f1c6a52-7d0e-4c8b-9a41-5e2b8f7d1c60",
    }
