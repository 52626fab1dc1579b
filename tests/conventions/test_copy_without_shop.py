"""The engine works without the shop: in a copy of the repository, with the sample application."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sluice import application
from testing.environments import SAM_VENV, VENV
from tests.fixtures.template import ROOT

# What goes away with the shop: its package, its tests, and its demo with the tests that run on it.
SHOP = (
    "layers/shared/shop",
    "tests/shop",
    "events",
    "tests/template/test_events.py",
    "tests/conventions/test_copy_without_shop.py",
)
ENGINE_TESTS = ("tests/engine", "tests/suites")
MIN_PASSED = 3_000  # of 3,600


def copy_without_shop(folder: Path) -> None:
    """Copy the tracked files, without the shop; the default application is then the sample."""
    shop = [*SHOP, *(function.code for function in application.named("shop").functions)]
    for name in _run(ROOT, "git", "ls-files").splitlines():
        if not any(Path(name).is_relative_to(moved) for moved in shop):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    (folder / ".venv").symlink_to(VENV)
    (folder / ".venv-sam").symlink_to(SAM_VENV)
    settings = folder / "pyproject.toml"
    settings.write_text(settings.read_text().replace('\napp = "shop"', '\napp = "sample"'))
    _run(folder, "git", "init", "--quiet")
    _run(folder, "git", "add", "--all")  # tests ask git for the files


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(name="copy", scope="module")
def copy_of_repository() -> Iterator[Path]:
    with TemporaryDirectory(prefix="sluice-copy-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user, from the copy's .venv
        copy_without_shop(folder)
        yield folder


@pytest.mark.slow
def test_checks_pass_without_the_shop(copy: Path) -> None:
    _run(copy, "make", "derive", "check")


@pytest.mark.slow
def test_engine_passes_without_the_shop(copy: Path) -> None:
    session = (".venv/bin/python", "-m", "pytest", "--numprocesses", "2", "--dist", "loadfile")
    output = _run(copy, "env", "SLUICE_APP=sample", *session, "-m", "not slow", *ENGINE_TESTS)

    passed = re.search(r"(\d+) passed", output)
    assert passed, output
    assert int(passed[1]) >= MIN_PASSED
