"""openapi.json is valid and complete."""

import importlib
import json
import re

from openapi_spec_validator import validate

from scripts.openapi import apis, document
from scripts.openapi_errors import error_classes
from sluice import errors
from sluice.http.router import Api
from tests.fixtures.template import ROOT


def error_codes() -> dict[str, int]:
    """Return the status of each error code. Abstract errors are never raised."""
    abstract = (errors.SluiceError, errors.Unavailable)
    return {kind.code: kind.status for kind in error_classes() if kind not in abstract}


def test_document_is_valid_openapi() -> None:
    validate(document())


def test_document_has_all_functions_with_routes() -> None:
    with_routes = {
        path.parent.name
        for path in ROOT.glob("functions/*/handler.py")
        if isinstance(importlib.import_module(f"functions.{path.parent.name}.handler").handler, Api)
    }

    assert apis().keys() >= with_routes, "template.yaml must have an HttpApi event for each"


def test_every_error_code_has_an_example() -> None:
    responses = document()["components"]["responses"].values()
    examples = [
        e["value"]
        for r in responses
        for e in r["content"]["application/problem+json"]["examples"].values()
    ]

    assert {e["code"]: e["status"] for e in examples} == {
        code: status for code, status in error_codes().items() if status != 405
    }


def test_examples_match_their_schemas() -> None:
    jsonschema = importlib.import_module("jsonschema")
    described = document()
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    for operation in operations:
        responses = operation["responses"].items()
        success = [response for status, response in responses if status < "300"]
        for body in (*success, operation.get("requestBody", {})):
            for content in body.get("content", {}).values():
                if "example" in content:
                    schema = {**content["schema"], "components": described["components"]}
                    jsonschema.Draft202012Validator(schema).validate(content["example"])


def test_document_names_no_database_object() -> None:
    text = json.dumps(document())

    assert not re.search(r"\bSELECT\b|order_items|idempotency_keys|_fkey|sluice_", text)
