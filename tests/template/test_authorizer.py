"""GatewayJwtAuthorizer: API Gateway itself looks at tokens, in front of every route under /api and no other."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.intrinsics import Evaluator
from tests.fixtures.template import Template

GIVEN = {"GatewayJwtAuthorizer": "true", "JwtIssuer": "https://issuer.example/", "JwtAudience": "sluice"}
ANY = "x-amazon-apigateway-any-method"
ASKED = [{"Tokens": []}]

# Run by the Python that SAM is installed for.
TRANSFORM = """
import json, sys
from pathlib import Path
from boto3 import Session
from local.intrinsics import load
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

def body(*without):
    template = load(Path("template.yaml"))
    for resource in template["Resources"].values():  # as a deployment has uploaded them
        for code in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][code] = "s3://bucket/key"
    for name in without:
        del template["Resources"]["Api"]["Properties"][name]
    translator = Translator({}, Parser(), boto_session=Session(region_name="us-east-1"))
    return translator.translate(template, {})["Resources"]["Api"]["Properties"]["Body"]

json.dump([body(), body("DefinitionBody")], sys.stdout)
"""


def evaluator(template: Template, **given: str) -> Evaluator:
    defaults = {name: declared.get("Default", "given") for name, declared in template.parameters.items()}
    return Evaluator(template.body, {**defaults, **given}, lambda name, attribute: f"{name}.{attribute}")


def routes_of(body: dict[str, Any]) -> dict[str, Any]:
    return {path: item[ANY].get("security") for path, item in body["paths"].items()}


def test_by_default_the_gateway_lets_everybody_through(template: Template) -> None:
    body = evaluator(template).value(template.resources["Api"]["Properties"]["DefinitionBody"])

    assert body.keys() == {"openapi", "info", "paths"}
    assert set(routes_of(body).values()) == {None}


def test_where_it_is_told_to_it_wants_a_token_at_every_route_of_the_api(template: Template) -> None:
    body = evaluator(template, **GIVEN).value(template.resources["Api"]["Properties"]["DefinitionBody"])

    api = {route.removeprefix("ANY ") for route in template.routes() if route.startswith("ANY /api/")}
    assert routes_of(body) == dict.fromkeys(api, ASKED), "the routes under /api stand in DefinitionBody, each"
    assert body["components"]["securitySchemes"]["Tokens"]["x-amazon-apigateway-authorizer"] == {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": "https://issuer.example/", "audience": ["sluice"]},
    }


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, False),
        ({"CorsOrigins": "https://shop.example"}, False),
        (GIVEN, False),
        ({"GatewayJwtAuthorizer": "true"}, True),
        ({**GIVEN, "JwtAudience": ""}, True),
        ({**GIVEN, "CorsOrigins": "https://shop.example"}, True),  # a preflight has no token
    ],
    ids=str,
)
def test_a_deployment_that_could_not_work_is_refused(template: Template, given: dict[str, str], refused: bool) -> None:
    here = evaluator(template, **given)
    applying = [rule for rule in template.body["Rules"].values() if here.value(rule["RuleCondition"])]
    holds = [here.value(assertion["Assert"]) for rule in applying for assertion in rule["Assertions"]]

    assert all(holds) != refused


@pytest.mark.slow
def test_sam_keeps_what_stands_there_and_adds_the_functions(template: Template, root: Path) -> None:
    sam = os.environ.get("SLUICE_SAM") or shutil.which("sam", path=root / ".venv-sam/bin")
    if not sam:
        pytest.skip("needs SAM: make .venv-sam, or name one in SLUICE_SAM")
    command = [str(Path(sam).with_name("python")), "-c", TRANSFORM]
    made = subprocess.run(command, cwd=root, env={"PYTHONPATH": "."}, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    body, of_events_alone = json.loads(made.stdout)

    assert evaluator(template).value(body) == evaluator(template).value(of_events_alone)
    for here, asked in ((evaluator(template), None), (evaluator(template, **GIVEN), ASKED)):
        paths = here.value(body)["paths"]
        assert all(item.keys() == {ANY} for item in paths.values())
        assert {path: item[ANY].get("security") for path, item in paths.items()} == {
            route.removeprefix("ANY "): asked if route.startswith("ANY /api/") else None for route in template.routes()
        }
        found = {path: item[ANY]["x-amazon-apigateway-integration"]["uri"] for path, item in paths.items()}
        functions = {route.removeprefix("ANY "): name for route, (name, _) in template.routes().items()}
        assert all(f"/functions/{functions[path]}.Arn/" in uri for path, uri in found.items())
