"""The border: the engine names no application, and an application has what it registers."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from sluice import application
from sluice.adhoc_sql.catalogue import Catalogue
from sluice.application import ENGINE_FUNCTIONS, Application, ApplicationError
from sluice.errors import SluiceError
from sluice.graph.part import PUBLIC, GraphqlPart, part_of
from sluice.migrations.applications import application_grants
from sluice.migrations.roles import ANALYST
from sluice.openapi_texts import OpenApiTexts
from sluice.sql.repository import Repository
from tests.conventions.applications import APPLICATIONS
from tests.conventions.test_dependencies import imports, is_in

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "shared"
ENGINE = (LAYER / "sluice", *(ROOT / "functions" / name for name in ENGINE_FUNCTIONS))
GENERATED = (ROOT / "functions/docs/openapi.json",)
APPLICATION_WORDS = re.compile(
    r"product|categor|inventory|order_items|place_order|out_of_stock|/api/users|/api/orders", re.I
)
UNICODE_CATEGORY = "unicodedata.category("  # the one function of Python with such a name
# An application imports these modules of HTTP, and none of the engine's settings and database.
PUBLIC_HTTP = (
    "body",
    "conditional",
    "group",
    "idempotency",
    "query_params",
    "request",
    "resource_routes",
    "response",
    "responses",
    "route",
    "router",
)
SEARCH_PATH = f"{LAYER}:{ROOT / 'tests' / 'apps'}"
PRIVATE = ("sluice.db", "sluice.settings", "sluice.http")
# Handlers and imports are those of the current application, so each has a process of its own.
CHECK_IMPORTS = """
from sluice import application
from sluice.imports.derived import import_resource
from sluice.imports.resource import ImportResource

app = application.current()
for name in app.imports:
    assert isinstance(import_resource(app.load("imports", name)), ImportResource), name
"""
PRINT_ROUTES = """
import json
from importlib import import_module
from sluice import application

print(json.dumps({
    function.code: [(r.path, r.scope) for r in import_module(function.module).handler.routes]
    for function in application.current().functions
}))
"""
GREEDY = "{proxy+}"  # the end of a path that stands for every path below
each_application = pytest.mark.parametrize("name", APPLICATIONS)


def engine_files() -> Iterator[Path]:
    for folder in ENGINE:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path not in GENERATED:
                yield path


def run_with(name: str, program: str) -> str:
    """Run a program with the application, and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "SLUICE_APP": name, "PYTHONPATH": f"{ROOT}:{SEARCH_PATH}"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


@cache
def paths_and_scopes(name: str) -> dict[str, list[tuple[str, str]]]:
    """Return the path and the scope of each route, by the folders of the functions."""
    found: dict[str, list[tuple[str, str]]] = json.loads(run_with(name, PRINT_ROUTES))
    return found


def test_functions_of_the_engine_are_in_their_folder() -> None:
    code = {
        function.code for name in APPLICATIONS for function in application.named(name).functions
    }
    folders = {path.parent for path in ROOT.glob("functions/*/handler.py")}

    assert {*ENGINE_FUNCTIONS} == {
        folder.name for folder in folders if str(folder.relative_to(ROOT)) not in code
    }


def test_engine_uses_no_word_of_an_application() -> None:
    found = []
    for path in engine_files():
        lines = [str(path.relative_to(ROOT)), *path.read_text().splitlines()]
        found += [
            f"{path}:{number}: {line.strip()}"
            for number, line in enumerate(lines)
            if APPLICATION_WORDS.search(line.replace(UNICODE_CATEGORY, ""))
        ]

    assert found == []


def test_engine_imports_no_application() -> None:
    packages = {path.parent.name for path in LAYER.glob("*/*.py")} - {"sluice"} | {*APPLICATIONS}
    in_string = re.compile(rf"({'|'.join(packages)})[.:]\w")
    found = []
    for path in engine_files():
        if path.suffix == ".py":
            found += [(path, n) for n in imports(path) if n.split(".")[0] in packages]
            found += [
                (path, node.value)
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
                if in_string.match(node.value)
            ]

    assert found == []


@each_application
def test_application_imports_only_what_is_public(name: str) -> None:
    public = [f"sluice.http.{module}" for module in PUBLIC_HTTP]
    found = [
        (path, imported)
        for path in sorted(APPLICATIONS[name].rglob("*.py"))
        for imported in imports(path)
        if any(is_in(imported, package) for package in PRIVATE)
        and not any(is_in(imported, module) for module in public)
    ]

    assert found == []


@pytest.mark.parametrize("folder", ["engine", "suites", "fixtures"])
def test_tests_of_the_engine_import_no_application(folder: str) -> None:
    functions = [
        function.code.replace("/", ".")
        for name in APPLICATIONS
        for function in application.named(name).functions
    ]
    forbidden = (*APPLICATIONS, *functions, "tests.fixtures.shop", "tests.shop")
    own = {f"{name}.py" for name in APPLICATIONS}  # tests/fixtures/<application>.py
    found = [
        (path, imported)
        for path in (ROOT / "tests" / folder).rglob("*.py")
        if path.name not in own
        for imported in imports(path)
        if any(is_in(imported, package) for package in forbidden)
    ]

    assert found == []


@each_application
def test_registered_names_have_their_kinds(name: str) -> None:
    declared = application.named(name)
    classes = {"repositories": Repository, "constraint_errors": SluiceError}
    for kind, base in classes.items():
        assert all(issubclass(declared.load(kind, key), base) for key in getattr(declared, kind))
    assert all(issubclass(application.load(n), SluiceError) for n in declared.error_classes)
    run_with(name, CHECK_IMPORTS)
    single = {"analytics": Catalogue, "openapi": OpenApiTexts}
    for kind, base in single.items():
        assert not getattr(declared, kind) or isinstance(declared.load(kind), base)
    if declared.has_graphql:
        part = part_of(declared)
        assert isinstance(part, GraphqlPart)
        assert all(import_module(module) for module in part.preload)
    assert not declared.demo or callable(declared.load("demo"))


@each_application
def test_analyst_may_read_exactly_the_catalogue(name: str) -> None:
    declared = application.named(name)
    granted = {
        grant.name
        for grant in application_grants(name)
        if (grant.role, grant.kind) == (ANALYST, "TABLE")
    }

    tables = declared.load("analytics").tables if declared.analytics else ()

    assert granted == {f"public.{table}" for table in tables}


@each_application
def test_scopes_of_routes_and_types_are_registered(name: str) -> None:
    declared = application.named(name)
    used = {scope for routes in paths_and_scopes(name).values() for _, scope in routes}
    if declared.has_graphql:
        part = part_of(declared)
        used |= {entry.scope for entry in (*part.types.values(), *part.fields.values())}

    assert used - {"", PUBLIC} <= {*declared.all_scopes}
    assert {*declared.replica_scopes} <= {*declared.scopes}


@each_application
def test_registered_paths_are_those_of_the_routes(name: str) -> None:
    for function in application.named(name).functions:
        registered = {*function.all_paths}
        above = tuple(path.removesuffix(GREEDY) for path in registered if path.endswith(GREEDY))
        paths = {path for path, _ in paths_and_scopes(name)[function.code]}
        routed = {
            f"{next(each for each in above if path.startswith(each))}{GREEDY}"
            if path.startswith(above)
            else re.sub(r"<(\w+)>", r"{\1}", path)
            for path in paths
        }
        assert registered == routed


def test_other_format_fails_with_the_upgrade_page() -> None:
    with pytest.raises(
        ApplicationError, match=r"format 2, .* reads format 1: see docs/upgrade\.md"
    ):
        Application(format=2, name="later", functions=(), scopes=(), unknown=())
    assert (ROOT / "docs/upgrade.md").is_file()


@each_application
def test_declaration_loads_no_other_module_of_its_application(name: str) -> None:
    program = f"import {name}.application, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": SEARCH_PATH},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {
        module for module in done.stdout.split() if module.startswith((f"{name}.", "sluice."))
    }
    settings = {"sluice.settings", "sluice.database_settings", "sluice.env_reader"}
    engine = {"sluice.application", *settings}

    assert loaded == {f"{name}.application", *engine}


@each_application
def test_replica_serves_the_same_data_everywhere(name: str) -> None:
    """Repositories say what it serves, scopes for openapi and the budget, types for GraphQL."""
    declared = application.named(name)
    by_scope: dict[str, set[type[Repository]]] = {}
    for key in declared.repositories:
        kind = declared.load("repositories", key)
        by_scope.setdefault(f"{kind.resource.scope_prefix}:read", set()).add(kind)
    resources = {*by_scope}
    for function in declared.functions:
        if Path(function.code).name not in declared.registry.GROUPS:
            found = vars(import_module(function.module)).values()
            classes = [each for each in found if isinstance(each, type)]
            for _, scope in paths_and_scopes(name)[function.code]:
                if scope not in application.ENGINE_SCOPES:
                    kinds = {kind for kind in classes if issubclass(kind, Repository)}
                    by_scope.setdefault(scope, set()).update(kinds)

    for scope, kinds in by_scope.items():
        served = scope in declared.replica_scopes
        assert {kind.reads_replica for kind in kinds} == {served}, scope
    assert {*declared.replica_scopes} <= {*by_scope}
    for type_name, type_ in part_of(declared).types.items():
        # The replica serves a report by itself, whatever its type says.
        if type_.scope in resources:
            assert type_.replica is (type_.scope in declared.replica_scopes), type_name
