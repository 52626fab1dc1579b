"""The how-to pages that add code: their files and commands work together in a copy of the shop."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.copied_repository import check_types, copy_of_repository, run
from testing.local_system import LocalSystem, temporary_system
from tests.fixtures.page_runner import ROOT, check, commands_of, write_files

PAGES = [
    ROOT / "docs" / "how-to" / f"{name}.md"
    for name in ("custom-rule", "custom-route", "orm-session", "background-job")
]
DONE_BEFORE = re.compile(r"make (run|derive)")


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    """A copy of the repository with the code of all pages."""
    with copy_of_repository() as folder:
        for page in PAGES:
            write_files(page, folder)
        run(folder, "make", "derive", "APP=shop")
        yield folder


@pytest.fixture(scope="module")
def system(copy: Path) -> Iterator[LocalSystem]:
    with temporary_system(copy, SLUICE_SEED="") as system:
        yield system.start()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_added_code_does_what_the_page_says(page: Path, copy: Path, system: LocalSystem) -> None:
    commands = [c for c in commands_of(page) if not DONE_BEFORE.fullmatch(c.text)]
    assert commands != []
    check(commands, copy, system.home / "state", system.local_json["base_url"])


def test_added_code_passes_the_linter(copy: Path) -> None:
    run(copy, ".venv/bin/ruff", "check", "--fix", "layers", "functions")
    run(copy, ".venv/bin/ruff", "format", "--check", "layers", "functions")


@pytest.mark.slow
def test_added_code_has_correct_types(copy: Path) -> None:
    check_types(copy, "layers/shared", "functions")
