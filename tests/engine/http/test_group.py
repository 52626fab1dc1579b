"""A function that serves a group of resources: what it imports, and how long that takes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.derive import registry
from scripts.derive.scan import scan
from sluice.http.environment import environment
from sluice.http.group import Group
from tests.fixtures.client import ADMIN, http_event, lambda_context
from tests.fixtures.sample import Library

ROOT = Path(__file__).parents[3]
MAX_DIFFERENCE = 0.015  # seconds of CPU between a group of twenty resources and one of one
RUNS = 7  # the fastest counts: other processes only make a run slower
RESOURCE = """
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository

THINGS = Resource(
    name="things{n}", singular="thing{n}", table="public.things{n}", group="things",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Text("name", min_length=1, max_length=200, filter="in", sort=True, search=True),
        Timestamp("created_at", read_only=True, filter="range", sort=True),
        Integer("version", read_only=True),
    ],
    etag="version",
)


class ThingRepository(ResourceRepository):
    resource = THINGS
"""
PROGRAM = """
import json, sys, time
event = json.load(sys.stdin)
start = time.process_time()
from sluice.http.group import group
handler = group("things")
at_import = sorted(name for name in sys.modules if name.startswith("many"))
response = handler(event, type("Context", (), {
    "aws_request_id": "r", "get_remaining_time_in_millis": lambda self: 10_000,
})())
seconds = time.process_time() - start
loaded = sorted(name for name in sys.modules if name.startswith("many"))
print(json.dumps([seconds, response["statusCode"], at_import, loaded]))
"""


@pytest.fixture(name="folder", scope="module")
def folder_of_applications(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the applications many1 and many20, named after their resources."""
    folder = tmp_path_factory.mktemp("groups")
    sys.path.insert(0, str(folder))
    for count in (1, 20):
        name = f"many{count}"
        (folder / name).mkdir()
        (folder / name / "application.py").write_text(
            "from sluice.application import Application\n"
            f"APPLICATION = Application(format=1, name={name!r})\n"
        )
        for n in range(count):
            (folder / name / f"things{n}.py").write_text(RESOURCE.format(n=n))
        (folder / name / "registry.py").write_text(registry.text(scan(name)))
    sys.path.remove(str(folder))
    return folder


def first_request(
    folder: Path, count: int, path: str = "/api/things0", **environment: str
) -> list[Any]:
    """Start a function and send it a request without credentials.

    Return the CPU time of both, the status, and the modules of the application that were loaded,
    by the import and in the end.
    """
    shown = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(http_event("GET", path, None, None, {})),
        env={
            "PYTHONPATH": os.pathsep.join([str(ROOT / "layers" / "shared"), str(folder)]),
            "SLUICE_APP": f"many{count}",
            "SLUICE_DB_HOST": "localhost",
            "SLUICE_DB_NAME": "none",
            "SLUICE_DB_USER": "none",
            "SLUICE_DB_PASSWORD": "none",
            "SLUICE_CURSOR_KEY": "x" * 32,
            "SLUICE_API_KEYS_TABLE": "none",
            "SLUICE_RATE_LIMIT_TABLE": "none",
            "SLUICE_LOG_LEVEL": "WARNING",
            "AWS_REGION": "eu-central-1",
            **environment,
        },
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    found: list[Any] = json.loads(shown.splitlines()[-1])  # metrics may come before it
    return found


def modules_of(loaded: list[str]) -> list[str]:
    return [name.partition(".")[2] for name in loaded if ".things" in name]


def test_group_imports_only_what_is_requested(folder: Path) -> None:
    _, status, at_import, loaded = first_request(folder, 20, "/api/things7/1")

    assert status == 401
    assert modules_of(at_import) == []
    assert modules_of(loaded) == ["things7"]


def test_unknown_resource_imports_nothing(folder: Path) -> None:
    _, status, _, loaded = first_request(folder, 20, "/api/elsewhere")

    assert status == 404
    assert modules_of(loaded) == []


@pytest.mark.parametrize("kind", ["snap-start", "provisioned-concurrency"])
def test_early_initialization_imports_all(folder: Path, kind: str) -> None:
    if kind == "snap-start":
        pytest.importorskip("snapshot_restore_py")

    _, _, at_import, _ = first_request(folder, 20, AWS_LAMBDA_INITIALIZATION_TYPE=kind)

    assert len(modules_of(at_import)) == 20


def test_resource_of_its_own_is_imported_at_once(folder: Path) -> None:
    _, _, at_import, _ = first_request(folder, 1)

    assert modules_of(at_import) == ["things0"]


@pytest.mark.slow  # measures CPU time; the tests above count what is imported
def test_group_of_twenty_starts_as_fast_as_one(folder: Path) -> None:
    seconds: dict[int, list[float]] = {1: [], 20: []}
    for _ in range(RUNS):
        for count, runs in seconds.items():
            runs.append(first_request(folder, count)[0])

    assert abs(min(seconds[20]) - min(seconds[1])) < MAX_DIFFERENCE


def test_resources_of_a_group_have_one_cold_start(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    library.add_book("Emma")
    handler = Group(("books", "shelves"))
    environment.reset()
    capsys.readouterr()

    found = [
        json.loads(handler(http_event("GET", path, None, None, ADMIN), lambda_context())["body"])
        for path in ("/api/books", "/api/shelves")
    ]

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [page["data"][0]["name"] for page in found] == ["Emma", "novels"]
    assert [line["cold_start"] for line in lines if "cold_start" in line] == [True, False]


def test_group_has_the_routes_of_all_its_resources() -> None:
    paths = {route.path for route in Group(("books", "readers")).routes}

    assert paths == {"/api/books", "/api/books/<id>", "/api/readers", "/api/readers/<id>"}
