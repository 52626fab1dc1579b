"""GatewayJwtAuthorizer: API Gateway itself looks at tokens, in front of every route under /api and no other."""

from typing import Any

import pytest

from local.intrinsics import Evaluator
from local.template import parameter_values
from scripts.render_template import REQUIRED_PARAMETERS
from tests.fixtures.sam import translate
from tests.fixtures.template import SourceTemplate

GIVEN = {
    "GatewayJwtAuthorizer": "true",
    "JwtIssuer": "https://issuer.example/",
    "JwtAudience": "sluice",
}
ANY = "x-amazon-apigateway-any-method"
ASKED = [{"Tokens": []}]


def evaluator(template: SourceTemplate, **given: str) -> Evaluator:
    values = parameter_values(template.body, {**REQUIRED_PARAMETERS["default"], **given})
    return Evaluator(template.body, values, lambda name, attribute: f"{name}.{attribute}")


def routes_of(body: dict[str, Any]) -> dict[str, Any]:
    return {path: item[ANY].get("security") for path, item in body["paths"].items()}


def test_by_default_the_gateway_lets_everybody_through(template: SourceTemplate) -> None:
    body = evaluator(template).value(template.resources["Api"]["Properties"]["DefinitionBody"])

    assert body.keys() == {"openapi", "info", "paths"}
    assert set(routes_of(body).values()) == {None}


def test_where_it_is_told_to_it_wants_a_token_at_every_route_of_the_api(
    template: SourceTemplate,
) -> None:
    body = evaluator(template, **GIVEN).value(
        template.resources["Api"]["Properties"]["DefinitionBody"]
    )

    api = {
        route.removeprefix("ANY ") for route in template.routes() if route.startswith("ANY /api/")
    }
    assert routes_of(body) == dict.fromkeys(api, ASKED), (
        "the routes under /api stand in DefinitionBody, each"
    )
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
def test_a_deployment_that_could_not_work_is_refused(
    template: SourceTemplate, given: dict[str, str], refused: bool
) -> None:
    here = evaluator(template, **given)
    applying = [
        rule for rule in template.body["Rules"].values() if here.rule(rule["RuleCondition"])
    ]
    holds = [
        here.rule(assertion["Assert"]) for rule in applying for assertion in rule["Assertions"]
    ]

    assert all(holds) != refused


@pytest.mark.slow
def test_sam_keeps_what_stands_there_and_adds_the_functions(template: SourceTemplate) -> None:
    both = translate({}, {"without": ["DefinitionBody"]})
    body, of_events_alone = (made["Resources"]["Api"]["Properties"]["Body"] for made in both)
    made = SourceTemplate(
        {**both[0], "Globals": template.body["Globals"]}
    )  # with the functions' aliases

    assert evaluator(made).value(body) == evaluator(made).value(of_events_alone)
    for here, asked in ((evaluator(made), None), (evaluator(made, **GIVEN), ASKED)):
        paths = here.value(body)["paths"]
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
