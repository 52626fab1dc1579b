"""`make derive` has been run, and the template has the functions of any application."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from local.intrinsics import load_template
from local.template import HttpApiRoute, body_routes
from scripts import openapi
from scripts.derive import template as template_file
from scripts.derive.template import PARTS, REGION, render
from sluice import application
from sluice.application import Application, ApplicationFunction
from tests.conventions.applications import APPLICATIONS
from tests.fixtures.sam import translate
from tests.fixtures.template import ROOT, source_template

LIBRARY = Application(
    format=1,
    name="library",
    functions=(
        ApplicationFunction(
            "apps/library/loans",
            {"All": "/api/loans", "One": "/api/loans/{id}"},
            more_resources={"late_returns": ("/api/late_returns", "/api/late_returns/{id}")},
        ),
        ApplicationFunction("apps/library/late_fees", {"Query": "/api/late-fees"}, analyst=True),
    ),
    scopes=(),
)


@pytest.mark.parametrize("app", ["", *APPLICATIONS])
def test_derived_files_are_up_to_date(app: str) -> None:
    """Without a name, of the default application."""
    check = subprocess.run(
        [sys.executable, "-m", "scripts.derive", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": ".:layers/shared:tests/apps", "SLUICE_APP": app},
        capture_output=True,
        text=True,
        check=False,
    )

    assert check.returncode == 0, check.stdout + check.stderr


def test_template_has_a_region_for_each_part() -> None:
    template = template_file.TARGET.read_text()

    assert {region["name"] for region in REGION.finditer(template)} == PARTS.keys()


def test_openapi_is_at_the_top() -> None:
    assert (ROOT / "openapi.json").resolve() == openapi.TARGET


def test_template_names_the_default_application() -> None:
    default = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sluice"]["app"]
    shared = source_template()["Globals"]["Function"]

    assert shared["Environment"]["Variables"]["SLUICE_APP"] == default


@pytest.fixture(name="library")
def template_of_library(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "template.yaml"
    path.write_text(render(template_file.TARGET.read_text(), LIBRARY))
    return load_template(path)


def test_template_has_functions_of_any_application(library: dict[str, Any]) -> None:
    resources = library["Resources"]
    loans = resources["LoansFunction"]["Properties"]
    fees = resources["LateFeesFunction"]["Properties"]
    paths = {event["Properties"]["Path"] for event in loans["Events"].values()}

    assert paths == {"/api/loans", "/api/loans/{id}", "/api/{proxy+}"}
    assert "SLUICE_ANALYST_USER" in fees["Environment"]["Variables"]
    assert resources["LateFeesLogs"]["Properties"]["LogGroupName"]["Fn::Sub"].endswith("/late-fees")
    assert library["Outputs"]["ConnectionBudget"]["Value"]["Fn::If"][1]["Fn::Sub"].startswith(
        "(3 x"
    )


def test_template_has_each_resource_of_a_group(library: dict[str, Any]) -> None:
    permission = library["Resources"]["LateReturnsPermission"]["Properties"]

    assert list(body_routes(library)) == [
        HttpApiRoute("ANY /api/late_returns", "LoansFunction"),
        HttpApiRoute("ANY /api/late_returns/{id}", "LoansFunction"),
    ]
    assert permission["FunctionName"] == {"Ref": "LoansFunction.Alias"}
    assert permission["SourceArn"]["Fn::Sub"][1] == {"Path": "api/late_returns*"}


@pytest.mark.slow
def test_sam_keeps_the_routes_of_a_group(library: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "library.json"
    path.write_text(json.dumps(library))

    made = translate({"template": str(path)})[0]["Resources"]
    body = made["Api"]["Properties"]["Body"]
    route = body["paths"]["/api/late_returns"]["x-amazon-apigateway-any-method"]
    uri = route["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]

    assert uri[1] == {"Function": {"Ref": "LoansFunctionAliaslive"}}
    assert made["LateReturnsPermission"]["Properties"]["FunctionName"] == {
        "Ref": "LoansFunctionAliaslive"
    }


def test_connection_budget_has_every_function_of_analysts() -> None:
    slow = ApplicationFunction("apps/library/slow", {"Slow": "/api/slow"}, analyst=True)
    functions = (*LIBRARY.functions, slow)
    app = Application(format=1, name="library", functions=functions, scopes=())

    assert " + 2 x ${FunctionConcurrency} analysts\n" in PARTS["budget"](app)
    assert " + ${FunctionConcurrency} analysts\n" in PARTS["budget"](LIBRARY)


def test_template_keeps_nothing_of_another_application(library: dict[str, Any]) -> None:
    others = {template_file.logical_id(each) for each in application.current().functions}

    assert others
    assert not {name for name in others if name.removesuffix("Function") in str(library)}
