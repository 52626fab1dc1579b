"""Writes openapi.json (OpenAPI 3.1), made of the routes as the handlers declare them. Run by `make openapi`.

A test fails when the file is not what this makes: routes, shapes, fields, filters, sorts and errors are said once, in
the code that acts on them.
"""

import importlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.intrinsics import load_template
from scripts import json_schemas as schemas
from scripts.json_schemas import Schema
from sluice import errors
from sluice.graph.handler import GRAPHQL_RESPONSE
from sluice.http.query_params import SqlParams
from sluice.http.route import DataEnvelope, RouteSpec
from sluice.http.router import Api
from sluice.repositories.list_spec import ListSpec
from sluice.repositories.projection import Projection

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "functions/docs/openapi.json"
SERVICE = ("health", "docs")
READ_BY_REPLICAS = ("catalog:read", "analytics:read", "analytics:query")  # scopes

ETAGS: Schema = {
    "type": "string",
    "anyOf": [{"const": "*"}, {"pattern": r'^(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*$'}],
}
HEADERS: dict[str, Schema] = {
    "X-Request-Id": {
        "description": "Also in the log line that tells of this request.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "Of this representation; strong.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    "Location": {
        "description": "Where the new row is.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Link": {
        "description": 'The pages `rel="next"` and `rel="prev"`, where there are.',
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
    "X-Sluice-Min-LSN": {
        "description": "Where reads are answered by a replica: how far the database's log had come.",
        "schema": {"type": "string"},
        "example": "0/16B3748",
    },
    "Idempotency-Replayed": {
        "description": "The first answer to this Idempotency-Key, given again.",
        "schema": {"const": "true"},
    },
}
CONDITIONS: dict[str, Schema] = {
    "IfNoneMatch": {
        "name": "If-None-Match", "in": "header", "schema": {"type": "string"},
        "description": 'ETags such as `"1"`, or `*`. 304 where the row has one of them; ignored if it cannot be read.',
    },
    "IfNoneMatchOfWrite": {
        "name": "If-None-Match", "in": "header", "schema": ETAGS,
        "description": 'ETags such as `"1"`, or `*`. 412 where the row has one of them.',
    },
    "IfMatch": {
        "name": "If-Match", "in": "header", "schema": ETAGS,
        "description": 'ETags such as `"1"`, or `*`. 412 unless the row has one of them.',
    },
    "After": {
        "name": "X-Sluice-Min-LSN", "in": "header",
        "schema": {"type": "string"},
        "description": "What the response to a write had in its own, such as `0/16B3748`: nothing older is read.",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key", "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]([ -~]*[!-~])?$"},
        "description": "Done once in 24 hours for each client, path and key; the same body gets the same answer again.",
        "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    },
}  # fmt: skip


def main() -> None:
    TARGET.write_text(render())
    print(TARGET.relative_to(ROOT))


def apis() -> dict[str, Api]:
    """The functions that template.yaml gives routes, by their folders' names and in its order."""
    found = {}
    for resource in load_template(ROOT / "template.yaml")["Resources"].values():
        events = (
            resource["Properties"].get("Events", {})
            if resource["Type"] == "AWS::Serverless::Function"
            else {}
        )
        if any(event["Type"] == "HttpApi" for event in events.values()):
            folder = Path(resource["Properties"]["CodeUri"])
            found[folder.name] = importlib.import_module(f"functions.{folder.name}.handler").handler
    return found


def render() -> str:
    """The document as it is kept."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def document() -> Schema:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    paths: dict[str, Schema] = {}
    components: Schema = {
        "schemas": {"Problem": _problem()},
        "responses": {},
        "parameters": CONDITIONS,
        "headers": HEADERS,
        "securitySchemes": {
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        },
    }
    tags = []
    for function, api in apis().items():
        told = str(importlib.import_module(f"functions.{function}.handler").__doc__)
        tags.append({"name": function, "description": told.strip()})
        known = _known_examples(api)
        for operation in api.routes:
            if operation.path.startswith("/docs/"):  # the page's own files
                continue
            path = re.sub(r"<(\w+)>", r"{\1}", operation.path)
            described = {"tags": [function], **_operation(operation, components["schemas"], known)}
            if function in SERVICE:
                described["security"] = []
            paths.setdefault(path, {})[operation.method.lower()] = described
    used = {
        status
        for path in paths.values()
        for operation in path.values()
        for status in operation["responses"]
    }
    for status, kinds in sorted(_kinds().items()):
        if str(status) in used:  # a 405 is the answer to what is no operation
            components["responses"][f"Problem{status}"] = _refusal(status, kinds)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Sluice",
            "version": project["version"],
            "description": "A shop's REST API over PostgreSQL on AWS Lambda. HEAD is as GET; OPTIONS answers CORS.",
            "contact": {"name": "The Sluice project"},
            "license": {"name": "Apache License 2.0", "identifier": project["license"]},
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": tags,
        "paths": paths,
        "components": components,
    }


def _known_examples(api: Api) -> Schema:
    """What the bodies of a resource say of its fields."""
    known: Schema = {}
    for operation in api.routes:
        if operation.body is not None:
            known |= schemas.example_of_body(operation.body)
    return known


def _operation(operation: RouteSpec, components: Schema, known: Schema) -> Schema:
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.text.strip().rstrip("."),
        "description": operation.text.strip(),
        "parameters": list(_parameters(operation)),
        "responses": {**_success(operation, components, known), **_problems(operation)},
    }
    if operation.body is not None:
        schema = schemas.of_body(operation.body, operation.method)
        example = schemas.example_of_body(operation.body, operation.method)
        content = {
            media_type: {"schema": schema, "example": example}
            for media_type in operation.media_types
        }
        described["requestBody"] = {"required": True, "content": content}
        if operation.method == "POST" and operation.body.unique:
            described["x-unique"] = list(operation.body.unique)
    return described


def _parameters(operation: RouteSpec) -> Iterator[Schema]:
    for name in re.findall(r"<(\w+)>", operation.path):
        schema = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema, "example": 1}
    yield from schemas.of_query(operation.query)
    for name, applies in (
        ("IfNoneMatch", operation.method == "GET" and isinstance(operation.response, Projection)),
        ("IfNoneMatchOfWrite", _is_conditional(operation)),
        ("IfMatch", _is_conditional(operation)),
        ("IdempotencyKey", operation.idempotent),
        ("After", operation.scope in READ_BY_REPLICAS or operation.response == GRAPHQL_RESPONSE),
    ):
        if applies:
            yield {"$ref": f"#/components/parameters/{name}"}


def _is_conditional(operation: RouteSpec) -> bool:
    return operation.method in ("PUT", "PATCH", "DELETE") and "<" in operation.path


def _success(operation: RouteSpec, components: Schema, known: Schema) -> Schema:
    response, headers = operation.response, ["X-Request-Id"]
    if operation.scope.endswith(":write") or response == GRAPHQL_RESPONSE:
        headers.append("X-Sluice-Min-LSN")
    if response is None:
        return {"204": _response("It is gone.", headers)}
    if response == GRAPHQL_RESPONSE:
        answer = {
            "description": "data, errors and extensions, as GraphQL has them.",
            "type": "object",
        }
        told = _response(
            "What was asked for, and what went wrong.", headers, GRAPHQL_RESPONSE, answer
        )
        told["content"]["application/json"] = told["content"][GRAPHQL_RESPONSE]
        return {"200": told}
    if isinstance(response, str):
        schema = {"type": "object" if response == "application/json" else "string"}
        return {"200": _response("The file.", headers, response, schema)}
    if isinstance(response, Projection):
        one = _resource(response, components, whole=operation.method != "GET")
        example = schemas.example_of_columns(response.fields, known)
        headers.append("ETag")
        if operation.method == "POST":
            headers += ["Location", *(["Idempotency-Replayed"] if operation.idempotent else [])]
            return {
                "201": _response(
                    f"The new {response.singular}.", headers, "application/json", one, example
                )
            }
        found = {
            "200": _response(f"The {response.singular}.", headers, "application/json", one, example)
        }
        unchanged = (
            {"304": _response("The client has it already.", headers)}
            if operation.method == "GET"
            else {}
        )
        return found | unchanged
    if isinstance(response, ListSpec):
        headers.append("Link")
        row = schemas.example_of_columns(response.projection.fields, known)
        example = {"data": [row], "pagination": PAGINATION_EXAMPLE}
        return {
            "200": _response(
                "A page.", headers, "application/json", _page(response, components), example
            )
        }
    if isinstance(response, DataEnvelope):
        rows = {"type": "array", "items": schemas.of_columns(response.fields)}
        example = {"data": [schemas.example_of_columns(response.fields, {"name": "Stoneware Mug"})]}
        return {
            "200": _response("All rows.", headers, "application/json", _object(data=rows), example)
        }
    return {"200": _response("Done.", headers, "application/json", _object(**response))}


PAGINATION_EXAMPLE = {"limit": 20, "has_more": False, "next_cursor": None, "prev_cursor": None}


def _page(list_spec: ListSpec, components: Schema) -> Schema:
    cursors = {name: {"type": ["string", "null"]} for name in ("next_cursor", "prev_cursor")}
    pagination = _object(limit={"type": "integer"}, has_more={"type": "boolean"}, **cursors)
    pagination["properties"]["total"] = {
        "type": "integer",
        "description": "Where `include_total` asked for it.",
    }
    components["Pagination"] = pagination
    rows = {"type": "array", "items": _resource(list_spec.projection, components, whole=False)}
    return _object(data=rows, pagination={"$ref": "#/components/schemas/Pagination"})


def _resource(projection: Projection, components: Schema, *, whole: bool) -> Schema:
    """The resource, or (`fields` may have chosen) a part of it."""
    name, partial = projection.singular.title(), f"Partial{projection.singular.title()}"
    schema = schemas.of_columns(projection.fields)
    required = schema.pop("required")
    components[partial] = {**schema, "minProperties": 1}
    components[name] = {
        "allOf": [{"$ref": f"#/components/schemas/{partial}"}],
        "required": required,
    }
    return {"$ref": f"#/components/schemas/{name if whole else partial}"}


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


def _problems(operation: RouteSpec) -> Schema:
    """What may go wrong, by what the route does."""
    database = operation.path not in ("/health", "/openapi.json", "/docs")
    statuses = {
        400: True,
        401: operation.path.startswith("/api"),
        403: operation.path.startswith("/api"),
        404: "<" in operation.path,
        406: not isinstance(operation.response, str) or operation.response == GRAPHQL_RESPONSE,
        409: operation.method != "GET",
        412: _is_conditional(operation),
        413: operation.body is not None,
        415: operation.body is not None,
        422: operation.body is not None,
        429: operation.path.startswith("/api"),
        500: True,
        503: database,
        504: database,
    }
    known = _kinds()
    problems = {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status, applies in statuses.items()
        if applies and status in known
    }
    if isinstance(operation.response, ListSpec) or isinstance(operation.query, SqlParams):
        problems["431"] = {"description": "The gateway's own: address and headers are over 10 KiB."}
    return problems


def _kinds(
    root: type[errors.SluiceError] = errors.SluiceError,
) -> dict[int, list[type[errors.SluiceError]]]:
    """The errors that clients meet, by status, each code once."""
    found: dict[int, list[type[errors.SluiceError]]] = {}
    waiting = [root]
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        if kind not in (errors.SluiceError, errors.Unavailable) and all(
            kind.code != known.code for known in found.get(kind.status, [])
        ):
            found.setdefault(kind.status, []).append(kind)
    return found


def _problem() -> Schema:
    text = {"type": "string"}
    fault = _object(code=text, message=text)
    fault["properties"] |= {
        "pointer": {**text, "description": "Into the body (RFC 6901)."},
        "parameter": text,
    }
    problem = _object(
        type=text, title=text, status={"type": "integer"}, detail=text, code=text, request_id=text
    )
    problem["properties"]["errors"] = {
        "type": "array",
        "items": fault,
        "description": "Every field at fault.",
    }
    return {
        "description": "RFC 9457. `code` is stable; docs/errors.md has cause and cure of each.",
        **problem,
    }


def _refusal(status: int, kinds: list[type[errors.SluiceError]]) -> Schema:
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


if __name__ == "__main__":
    main()
