"""Run the documented commands that need only a running system, as they are written."""

import os
import subprocess
from pathlib import Path

import pytest

from testing.copied_repository import SET_BY_MAKE
from testing.local_system import LocalSystem
from tests.fixtures.commands import ROOT, commands, is_run, pages

FILE = "name,description,price,category,inventory\nAutumn Mug,,12.00,{category},3\n"
RUNNABLE = dict.fromkeys(
    command for page in pages() for command in commands(page) if is_run(command)
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, demo_system: LocalSystem) -> Path:
    """A copy of the checkout, by links, with the files that the commands name."""
    folder = tmp_path_factory.mktemp("checkout")
    for entry in ROOT.iterdir():
        (folder / entry.name).symlink_to(entry)
    category = demo_system.request("/api/categories?limit=1")[1]["data"][0]["slug"]
    for name in ("autumn.csv", "products.csv"):
        (folder / name).write_text(FILE.format(category=category))
    return folder


@pytest.fixture
def environment(demo_system: LocalSystem) -> dict[str, str]:
    shell = {name: value for name, value in os.environ.items() if name not in SET_BY_MAKE}
    return {**shell, "SLUICE_STATE": str(demo_system.home / "state")}


@pytest.mark.parametrize("command", RUNNABLE)
def test_documented_command_works_as_written(
    command: str, checkout: Path, environment: dict[str, str]
) -> None:
    done = subprocess.run(  # noqa: S602 - the documents' own text
        command,
        shell=True,
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
