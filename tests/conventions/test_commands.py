"""Every documented command is run as written by a test, or listed with the reason and the test that covers it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.commands import (
    ELSEWHERE,
    ROOT,
    RUN,
    Elsewhere,
    commands,
    covered_elsewhere,
    is_run,
    pages,
)

SHOWN = [(page, command) for page in pages() for command in dict.fromkeys(commands(page))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_run_or_listed(page: Path) -> None:
    missing = [
        command
        for command in commands(page)
        if not is_run(command) and not covered_elsewhere(command)
    ]
    assert missing == [], "add them to RUN or ELSEWHERE in tests/fixtures/commands.py"


@pytest.mark.parametrize("entry", ELSEWHERE, ids=lambda entry: entry.pattern)
def test_every_listed_command_is_shown_and_covered(entry: Elsewhere) -> None:
    assert (ROOT / entry.test).exists()
    assert any(re.fullmatch(entry.pattern, command) for _, command in SHOWN), (
        "no page shows it any more"
    )


@pytest.mark.parametrize("pattern", RUN)
def test_every_command_to_run_is_shown(pattern: str) -> None:
    assert any(re.fullmatch(pattern, command) for _, command in SHOWN), "no page shows it any more"


def test_every_make_target_that_is_shown_exists() -> None:
    targets = {
        target
        for _, command in SHOWN
        for target in re.findall(r"\bmake ([a-z][a-z0-9-]*)", command)
    }
    defined = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets - defined == set()


def test_every_script_that_is_shown_exists() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    scripts = {
        name for page in pages() for name in re.findall(r"\bscripts/\w+\.py\b", page.read_text())
    }
    assert scripts - set(tracked) == set()
