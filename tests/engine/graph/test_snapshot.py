"""A snapshot of the function (SnapStart) holds the modules that its first queries need."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, sys
import functions.graphql.handler
from awslambdaric.lambda_runtime_hooks_runner import run_before_snapshot
imported = set(sys.modules)
run_before_snapshot()
print(json.dumps(sorted(set(sys.modules) - imported)))
"""


ENVIRONMENT = {
    "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDSNAPSHOT",
    "AWS_SECRET_ACCESS_KEY": "local",
    "SLUICE_API_KEYS_TABLE": "keys",
    "SLUICE_APP": "sample",
    "SLUICE_CURSOR_KEY": "0" * 32,
    "SLUICE_DB_HOST": "localhost",
    "SLUICE_DB_NAME": "library",
    "SLUICE_DB_PASSWORD": "unused",
    "SLUICE_DB_TLS": "off",
    "SLUICE_DB_USER": "sluice_app",
    "SLUICE_RATE_LIMIT_TABLE": "limits",
}


def test_snapshot_has_the_repositories() -> None:
    path = os.pathsep.join(str(ROOT / folder) for folder in ("", "layers/shared", "tests/apps"))

    program = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": path, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )

    assert program.returncode == 0, program.stderr
    repositories = {"sample.books", "sample.shelves", "sample.readers"}
    errors = {"sample.errors"}  # of constraints, for the first error of the database
    assert repositories | errors <= set(json.loads(program.stdout))
