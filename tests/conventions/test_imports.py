"""What a cold start loads: the budget of each function, counted in a fresh interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The most modules that a function's import may load. Lower one when it falls; raise one only with a reason.
OF_A_RESOURCE = (
    575  # 75 of them ours, ten for caches, codings, origins and preconditions; 3.13 counts more
)
BUDGET = {
    "health": 340,  # a dozen are what a route may declare
    "docs": 340,
    "imports": 575,  # boto3 only where an address is signed
    "import_worker": 640,  # Powertools' batches
    "graphql": 730,  # of which graphql-core is 150: its package loads all of itself
}
FUNCTIONS = sorted({path.parent.name for path in ROOT.glob("functions/*/handler.py")} - {"migrate"})
NEVER = (
    "alembic",
    "boto3",
    "botocore.session",  # Powertools looks at botocore's bare package for its user agent
    "graphql",
    "jwt",
    "cryptography",
    "moto",
    "pydantic",
    "pgparse",  # loaded with the first query of an analyst
    "sqlalchemy.orm",
    "aws_xray_sdk",
    "sluice.db.replica",  # only where there is one
)
WITHOUT_A_DATABASE = ("health", "docs")
NOT_FOR_THEM = ("sqlalchemy", "pg8000")


def loaded_by(function: str) -> set[str]:
    """sys.modules after importing the function's handler, as Lambda does it."""
    program = "import json, sys, handler; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "functions" / function,
        env={"PYTHONPATH": f"{ROOT / 'functions' / function}:{ROOT / 'layers' / 'shared'}"},
        capture_output=True,
        check=True,
        text=True,
    )
    return set(json.loads(result.stdout))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_cold_start_loads_only_what_its_routes_need(function: str) -> None:
    modules = loaded_by(function)
    unwanted = [name for name in NEVER if name != function] + list(
        NOT_FOR_THEM if function in WITHOUT_A_DATABASE else ()
    )

    assert (
        sorted(
            m
            for m in modules
            if m.startswith(tuple(f"{name}." for name in unwanted)) or m in unwanted
        )
        == []
    )
    assert len(modules) <= BUDGET.get(function, OF_A_RESOURCE)


def test_packages_import_nothing() -> None:
    assert [
        path
        for path in (ROOT / "layers" / "shared" / "sluice").rglob("__init__.py")
        if path.stat().st_size
    ] == []
