"""Prepare openapi.json for the generators of clients. Each change has its reason here."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

Schema = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
MERGE_PATCH = "application/merge-patch+json"
# The hand-written layer sends these headers.
OF_THE_CLIENT = ("#/components/parameters/MinLSN", "#/components/parameters/Tenant")


def operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Yield path, method and operation of each route."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def for_clients(document: Schema) -> Schema:
    """Return a copy with what every generated client needs.

    Rows are complete: the parameter `fields`, with which every member would be optional, is left to
    the clients' method for any request.
    """
    document = deepcopy(document)
    for path, method, operation in list(operations(document)):
        if operation["tags"] == ["docs"]:  # pages and this document, which are for browsers
            del document["paths"][path][method]
            continue
        operation["parameters"] = [
            each
            for each in operation["parameters"]
            if each.get("name") != "fields" and each.get("$ref") not in OF_THE_CLIENT
        ]
        content = operation.get("requestBody", {}).get("content", {})
        content.pop(MERGE_PATCH, None)  # the same body under its other media type
        for media in content.values():
            _without_read_only(media["schema"])
    document["paths"] = {path: item for path, item in document["paths"].items() if item}
    schemas = document["components"]["schemas"]
    for name in [name for name in schemas if f"Partial{name}" in schemas]:
        partial = schemas.pop(f"Partial{name}")
        partial.pop("minProperties", None)
        schemas[name] = {**partial, "required": schemas[name]["required"]}
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            for media in response.get("content", {}).values():
                media["schema"] = _merged(media["schema"], schemas)
    complete: Schema = _with_references(document, lambda name: name.removeprefix("Partial"))
    return complete


def for_python(document: Schema) -> Schema:
    """Return a copy that openapi-python-client reads completely.

    Responses are those of success, because the client raises the others.
    """
    document = for_clients(document)
    schemas = document["components"]["schemas"]
    parameters = document["components"]["parameters"]
    for _, _, operation in operations(document):
        operation["security"] = []
        operation["parameters"] = [
            _parameter(parameters[each["$ref"].rpartition("/")[2]] if "$ref" in each else each)
            for each in operation["parameters"]
        ]
        operation["responses"] = {
            status: response
            for status, response in operation["responses"].items()
            if status.startswith("2")
        }
    renamed = {name: f"{name}Row" for name in schemas if _hides_itself(name, schemas[name])}
    document["components"] = {
        "schemas": {renamed.get(name, name): each for name, each in schemas.items()}
    }
    complete = _with_references(document, lambda name: renamed.get(name, name))
    readable: Schema = _readable(complete)
    return readable


def keyed_posts(document: Schema) -> list[str]:
    """Return the paths whose POST reads `Idempotency-Key`."""
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    return [
        path
        for path, method, operation in operations(document)
        if method == "post" and key in operation["parameters"]
    ]


def _merged(schema: Schema, schemas: Schema) -> Schema:
    """Return one object for a row with more members, such as a new import's `upload_url`."""
    if "allOf" not in schema:
        return schema
    row = schemas[schema["allOf"][0]["$ref"].rpartition("/")[2]]
    return {
        "type": "object",
        "properties": {**row["properties"], **schema["properties"]},
        "required": [*row["required"], *schema["required"]],
    }


def _without_read_only(schema: Schema) -> None:
    """Remove members that the server ignores: a model would show them as untyped."""
    properties = schema.get("properties", {})
    for name in [name for name, each in properties.items() if each.get("readOnly")]:
        del properties[name]


def _parameter(parameter: Schema) -> Schema:
    """Return the parameter without its default, which the client would send: `offset=0` with a
    cursor is invalid. A header is a string to the generator.
    """
    schema = {key: value for key, value in parameter["schema"].items() if key != "default"}
    if parameter["in"] == "header":
        schema = {"type": "string"}
    return {**parameter, "schema": schema}


def _hides_itself(name: str, schema: Schema) -> bool:
    """Return whether a property has the name of the generated local variable for the row."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return words in schema.get("properties", {})


def _with_references(value: Any, rename: Callable[[str], str]) -> Any:
    """Return the document with the references to schemas renamed."""
    if isinstance(value, list):
        return [_with_references(each, rename) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        folder, _, name = value["$ref"].rpartition("/")
        return {"$ref": f"{folder}/{rename(name)}"}
    return {key: _with_references(each, rename) for key, each in value.items()}


def _readable(value: Any) -> Any:
    """Return the document with the schemas that the generator cannot read made wider.

    `type: [… "array" …]` without `items` is any JSON value. Examples and headers are left out.
    """
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if not isinstance(value, dict):
        return value
    kinds = value.get("type")
    if isinstance(kinds, list) and "array" in kinds and "items" not in value:
        return {key: each for key, each in value.items() if key == "description"}
    dropped = ("example", "headers")
    return {key: _readable(each) for key, each in value.items() if key not in dropped}
