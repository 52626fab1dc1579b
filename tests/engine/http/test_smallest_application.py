"""An application with no more than the required fields: no GraphQL, imports or ad-hoc SQL."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

ROOT = Path(__file__).parents[3]
APPLICATION = """
from sluice.application import Application, ApplicationFunction
APPLICATION = Application(
    format=1,
    name="smallest",
    functions=(ApplicationFunction("parts/things", {"All": "/api/things"}),),
    scopes=("things:read",),
)
"""
HANDLER = '''
"""/api/things."""
from sluice import runtime
from sluice.http.router import Api, json_response
handler = api = Api(runtime=runtime.current, scope="things")

@api.get("/api/things", response={"count": {"type": "integer"}})
def count_things(request):
    """Count things."""
    return json_response(200, {"count": 0})
'''
CALLS = """
import json, sys
from importlib import import_module
from types import SimpleNamespace
from tests.fixtures.client import http_event, lambda_context

def call(function, target):
    handler = import_module(f"functions.{function}.handler").handler
    response = handler(http_event("GET", target, None, None, {}), lambda_context())
    return response["statusCode"], json.loads(response["body"])["detail"]

print(json.dumps(call("graphql", "/api/graphql?query={__typename}")))
"""
OPENAPI = """
import sys
from pathlib import Path
from scripts import openapi
from scripts.derive import template
from sluice import application
openapi.ROOT = Path(sys.argv[1])
text = template.TARGET.read_text()
(openapi.ROOT / "template.yaml").write_text(template.render(text, application.current()))
print(openapi.render())
"""
REGISTRY = """
from scripts.derive import registry
from scripts.derive.scan import scan
found = scan("smallest")
registry.path(found).write_text(registry.text(found))
print("{}")
"""
FILTER = """
import json
from sluice.errors import InvalidParameter
from sluice.http.query_params import ListParams
from sluice.imports.job_repository import LIST_SPEC
try:
    ListParams(LIST_SPEC).read({"resource": "x"})
except InvalidParameter as error:
    print(json.dumps([error.errors[0].parameter, error.errors[0].message]))
"""
LOAD = """
import json
from contextlib import redirect_stderr
from io import StringIO
from scripts.load import main
with redirect_stderr(StringIO()) as printed:
    code = main(["people.csv", "--resource", "people"])
print(json.dumps([code, printed.getvalue()]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("smallest/application", APPLICATION), ("parts/things/handler", HANDLER)):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    run(tmp_path, REGISTRY)
    return tmp_path


def run(folder: Path, program: str) -> Any:
    """Run the program with this application, and return what it prints as JSON."""
    paths = (folder, ROOT, ROOT / "layers/shared", ROOT / "tests/apps")
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={"PYTHONPATH": os.pathsep.join(map(str, paths)), "SLUICE_APP": "smallest"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1] if program is not OPENAPI else done.stdout)


def test_graphql_is_404_with_the_reason(folder: Path) -> None:
    assert run(folder, CALLS) == [404, "This application has no GraphQL types"]


def test_openapi_is_valid_and_has_no_graphql(folder: Path) -> None:
    document = run(folder, OPENAPI)

    validate(document)
    assert {"/api/things", "/api/imports"} <= document["paths"].keys()
    assert "/api/graphql" not in document["paths"]
    assert "graphql" not in {tag["name"] for tag in document["tags"]}


def test_filter_without_choices_rejects_every_value(folder: Path) -> None:
    assert run(folder, FILTER) == ["resource", "has no possible value"]


def test_load_says_that_there_are_no_imports(folder: Path) -> None:
    assert run(folder, LOAD) == [1, "load: the application smallest has no imports\n"]
