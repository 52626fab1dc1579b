"""`sam local invoke XFunction -e events/….json`: every function, every event."""

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
def test_a_function_answers_its_event(sam: Sam, event: Path) -> None:
    answer = invoke(sam, function_of(json.loads(event.read_text())), event)
    assert answer["statusCode"] == (201 if event.stem.endswith(("_create", "_place")) else 200), (
        answer
    )


def test_migrations_find_the_schema_there(sam: Sam, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    assert invoke(sam, "MigrateFunction", event)["revision"]
