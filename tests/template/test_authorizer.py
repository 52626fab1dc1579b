"""With GatewayJwtAuthorizer, API Gateway verifies tokens on every route under /api, and on no
other.
"""

from typing import Any

import pytest

from local.intrinsics import Evaluator
from local.template import parameter_values
from scripts.render_template import REQUIRED_PARAMETERS
from tests.fixtures.sam import translate
from tests.fixtures.template import SourceTemplate

AUTHORIZER_PARAMETERS = {
    "GatewayJwtAuthorizer": "true",
    "JwtIssuer": "https://issuer.example/",
    "JwtAudience": "sluice",
}
ANY = "x-amazon-apigateway-any-method"
TOKEN_REQUIRED = [{"Tokens": []}]


def evaluator(template: SourceTemplate, **parameters: str) -> Evaluator:
    values = parameter_values(template.body, {**REQUIRED_PARAMETERS["default"], **parameters})
    return Evaluator(template.body, values, lambda name, attribute: f"{name}.{attribute}")


def routes_of(body: dict[str, Any]) -> dict[str, Any]:
    return {path: item[ANY].get("security") for path, item in body["paths"].items()}


def test_gateway_has_no_authorizer_by_default(template: SourceTemplate) -> None:
    body = evaluator(template).value(template.resources["Api"]["Properties"]["DefinitionBody"])

    assert body.keys() == {"openapi", "info", "paths"}
    assert set(routes_of(body).values()) == {None}


def test_authorizer_covers_every_api_route(
    template: SourceTemplate,
) -> None:
    body = evaluator(template, **AUTHORIZER_PARAMETERS).value(
        template.resources["Api"]["Properties"]["DefinitionBody"]
    )

    api = {
        route.removeprefix("ANY ") for route in template.routes() if route.startswith("ANY /api/")
    }
    assert routes_of(body) == dict.fromkeys(api, TOKEN_REQUIRED), (
        "DefinitionBody must list each route under /api"
    )
    assert body["components"]["securitySchemes"]["Tokens"]["x-amazon-apigateway-authorizer"] == {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": "https://issuer.example/", "audience": ["sluice"]},
    }


@pytest.mark.parametrize(
    ("parameters", "rejected"),
    [
        ({}, False),
        ({"CorsOrigins": "https://shop.example"}, False),
        (AUTHORIZER_PARAMETERS, False),
        ({"GatewayJwtAuthorizer": "true"}, True),
        ({**AUTHORIZER_PARAMETERS, "JwtAudience": ""}, True),
        (
            {**AUTHORIZER_PARAMETERS, "CorsOrigins": "https://shop.example"},
            True,
        ),  # a preflight has no token
    ],
    ids=str,
)
def test_invalid_parameters_are_rejected(
    template: SourceTemplate, parameters: dict[str, str], rejected: bool
) -> None:
    evaluated = evaluator(template, **parameters)
    applying = [
        rule for rule in template.body["Rules"].values() if evaluated.rule(rule["RuleCondition"])
    ]
    holds = [
        evaluated.rule(assertion["Assert"]) for rule in applying for assertion in rule["Assertions"]
    ]

    assert all(holds) != rejected


@pytest.mark.slow
def test_sam_keeps_the_body_and_adds_functions(template: SourceTemplate) -> None:
    both = translate({}, {"without": ["DefinitionBody"]})
    body, of_events_alone = (made["Resources"]["Api"]["Properties"]["Body"] for made in both)
    made = SourceTemplate(
        {**both[0], "Globals": template.body["Globals"]}
    )  # with the functions' aliases

    assert evaluator(made).value(body) == evaluator(made).value(of_events_alone)
    for evaluated, asked in (
        (evaluator(made), None),
        (evaluator(made, **AUTHORIZER_PARAMETERS), TOKEN_REQUIRED),
    ):
        paths = evaluated.value(body)["paths"]
        assert all(item.keys() == {ANY} for item in paths.values())
        assert {path: item[ANY].get("security") for path, item in paths.items()} == {
            route.removeprefix("ANY "): asked if route.startswith("ANY /api/") else None
            for route in template.routes()
        }
        found = {
            path: item[ANY]["x-amazon-apigateway-integration"]["uri"]
            for path, item in paths.items()
        }
        functions = {
            route.removeprefix("ANY "): name for route, (name, _) in template.routes().items()
        }
        assert all(f"/functions/{functions[path]}Aliaslive./" in uri for path, uri in found.items())
