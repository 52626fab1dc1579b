"""`make derive` has been run: template.yaml, openapi.json and docs/modules.md are up to date."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from local.intrinsics import load_template
from scripts import module_map, openapi, template_functions
from scripts.template_functions import PARTS, REGION, render
from sluice import application
from sluice.application import Application, ApplicationFunction
from tests.fixtures.template import ROOT

LIBRARY = Application(
    format=1,
    name="library",
    functions=(
        ApplicationFunction("apps/library/loans", {"All": "/api/loans", "One": "/api/loans/{id}"}),
        ApplicationFunction("apps/library/late_fees", {"Query": "/api/late-fees"}, analyst=True),
    ),
    scopes=(),
)


def test_template_is_up_to_date() -> None:
    template = template_functions.TARGET.read_text()

    assert template == render(template, application.current()), "run make derive"
    assert {region["name"] for region in REGION.finditer(template)} == PARTS.keys()


def test_openapi_is_up_to_date() -> None:
    assert openapi.TARGET.read_text() == openapi.render(), "run make derive"
    assert (ROOT / "openapi.json").resolve() == openapi.TARGET


def test_list_of_modules_is_up_to_date() -> None:
    assert module_map.PAGE.read_text() == module_map.page(), "run make derive"


def test_template_names_the_default_application() -> None:
    default = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sluice"]["app"]
    shared = load_template(ROOT / "template.yaml")["Globals"]["Function"]

    assert shared["Environment"]["Variables"]["SLUICE_APP"] == default


@pytest.fixture(name="library")
def template_of_library(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "template.yaml"
    path.write_text(render(template_functions.TARGET.read_text(), LIBRARY))
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


def test_connection_budget_has_every_function_of_analysts() -> None:
    slow = ApplicationFunction("apps/library/slow", {"Slow": "/api/slow"}, analyst=True)
    functions = (*LIBRARY.functions, slow)
    app = Application(format=1, name="library", functions=functions, scopes=())

    assert " + 2 x ${FunctionConcurrency} analysts\n" in PARTS["budget"](app)
    assert " + ${FunctionConcurrency} analysts\n" in PARTS["budget"](LIBRARY)


def test_template_keeps_nothing_of_another_application(library: dict[str, Any]) -> None:
    others = {template_functions.logical_id(each) for each in application.current().functions}

    assert others
    assert not {name for name in others if name.removesuffix("Function") in str(library)}
