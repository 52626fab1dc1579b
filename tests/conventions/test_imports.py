"""The number of modules that a cold start of each function loads, in a new interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sluice import application

ROOT = Path(__file__).parents[2]

# The maximum number of modules that a function's import may load. Raise one only with a reason.
# 96 of them are Sluice's, one for each kind, 35 Powertools'. Python 3.13 loads 9 more than 3.11.
RESOURCE_BUDGET = 395
BUDGET = {
    "health": 140,
    "docs": 150,
    "imports": 375,  # without boto3, which only presigned URLs need
    "import_worker": 410,  # Powertools' batches
    "graphql": 590,  # 150 of them graphql-core's, and the application's part
}
APP = application.current()
FOLDERS = {path.parent for path in ROOT.glob("functions/*/handler.py")} | {
    ROOT / function.code for function in APP.functions
}
FUNCTIONS = {folder.name: folder for folder in sorted(FOLDERS) if folder.name != "migrate"}
FORBIDDEN = (
    "alembic",
    "aws_lambda_powertools.event_handler",  # half a cold start of /health (decision 30)
    "boto3",
    "botocore.session",  # Powertools imports the package botocore for its user agent
    "graphql",
    "jwt",
    "cryptography",
    "moto",
    "pydantic",
    "pgparse",  # loaded by the first ad-hoc query
    "sqlalchemy",  # for ORM sessions, jobs and migrations
    "aws_xray_sdk",
    "sluice.db.replica",  # loaded only if there is a replica
    "tomllib",  # reads pyproject.toml, which Lambda does not have
)
# A route of the library moves books by SQLAlchemy's session. Lambda serves no application of the
# tests.
USES_A_SESSION = frozenset(["shelves"] if APP.name == "sample" else [])
# A function loads the repository of its own resource.
REPOSITORIES = {name: target.partition(":")[0] for name, target in APP.repositories.items()}
WITHOUT_A_DATABASE = ("health", "docs")
NOT_WITHOUT_A_DATABASE = (
    "sqlalchemy",
    "pg8000",
    "aws_lambda_powertools",
    "dataclasses",  # with `inspect` a tenth of a cold start of /health
    "sluice.application",
    "sluice.resource",
)


def loaded_by(function: str) -> set[str]:
    """Return sys.modules after the import of the function's handler."""
    program = "import json, sys, handler; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=FUNCTIONS[function],
        env={
            "PYTHONPATH": f"{FUNCTIONS[function]}:{ROOT / 'layers/shared'}:{ROOT / 'tests/apps'}",
            "SLUICE_APP": APP.name,  # as in Lambda: without it, pyproject.toml is read
        },
        capture_output=True,
        check=True,
        text=True,
    )
    return set(json.loads(result.stdout))


@pytest.mark.parametrize("function", sorted(FUNCTIONS.keys() - USES_A_SESSION))
def test_cold_start_imports_are_within_budget(function: str) -> None:
    modules = loaded_by(function)
    unwanted = [name for name in FORBIDDEN if name != function] + list(
        NOT_WITHOUT_A_DATABASE if function in WITHOUT_A_DATABASE else ()
    )

    assert (
        sorted(
            m
            for m in modules
            if m.startswith(tuple(f"{name}." for name in unwanted)) or m in unwanted
        )
        == []
    )
    assert len(modules) <= BUDGET.get(function, RESOURCE_BUDGET)


@pytest.mark.parametrize("function", sorted(FUNCTIONS.keys() & REPOSITORIES.keys()))
def test_initialisation_loads_the_metrics(function: str) -> None:
    """The first request prints them, but the initialisation has a whole CPU on Lambda."""
    assert "aws_lambda_powertools.metrics" in loaded_by(function)


@pytest.mark.parametrize(
    "function", sorted((FUNCTIONS.keys() & REPOSITORIES.keys()) - USES_A_SESSION)
)
def test_function_loads_no_repository_of_another_resource(function: str) -> None:
    others = {REPOSITORIES[name] for name in REPOSITORIES if name != function}

    assert others & loaded_by(function) == set()


def test_package_init_files_are_empty() -> None:
    assert [
        path
        for path in (ROOT / "layers" / "shared" / "sluice").rglob("__init__.py")
        if path.stat().st_size
    ] == []
