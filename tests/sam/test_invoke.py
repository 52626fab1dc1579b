"""Run every function with every event by `sam local invoke`."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.template import ROOT, function_of
from tests.sam.conftest import Sam

pytestmark = pytest.mark.slow


def invoke(sam: Sam, function: str, event: Path) -> Any:
    done = subprocess.run(
        sam.command("invoke", function, "--event", str(event)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize(
    "event", sorted((ROOT / "events").glob("*.json")), ids=lambda event: event.stem
)
def test_function_handles_its_event(sam: Sam, event: Path) -> None:
    response = invoke(sam, function_of(json.loads(event.read_text())), event)
    assert response["statusCode"] == (201 if event.stem.endswith(("_create", "_place")) else 200), (
        response
    )


def test_migrations_are_idempotent(sam: Sam, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    assert invoke(sam, "MigrateFunction", event)["revision"]
