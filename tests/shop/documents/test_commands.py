"""Every documented command is run by a test, or listed with the reason and another test."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.commands import (
    ROOT,
    RUN,
    RUN_AS_PAGES,
    TESTED_ELSEWHERE,
    CoveredElsewhere,
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
    assert missing == [], "add it to RUN or TESTED_ELSEWHERE in tests/fixtures/commands.py"


@pytest.mark.parametrize("entry", TESTED_ELSEWHERE, ids=lambda entry: entry.pattern)
def test_listed_commands_are_documented(entry: CoveredElsewhere) -> None:
    assert (ROOT / entry.test).exists()
    assert any(re.fullmatch(entry.pattern, command) for _, command in SHOWN), (
        "no page shows it; remove the entry"
    )


@pytest.mark.parametrize(("name", "test"), RUN_AS_PAGES.items())
def test_pages_that_run_as_a_whole_are_named_in_the_test(name: str, test: str) -> None:
    assert (ROOT / "docs" / "how-to" / f"{name}.md").exists()
    assert f'"{name}"' in (ROOT / test).read_text() or f"{name}.md" in (ROOT / test).read_text()


@pytest.mark.parametrize("pattern", RUN)
def test_commands_to_run_are_documented(pattern: str) -> None:
    assert any(re.fullmatch(pattern, command) for _, command in SHOWN), (
        "no page shows it; remove the entry"
    )


def test_documented_make_targets_exist() -> None:
    targets = {
        target
        for _, command in SHOWN
        for target in re.findall(r"\bmake ([a-z][a-z0-9-]*)", command)
    }
    defined = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets - defined == set()


def test_documented_scripts_exist() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    scripts = {
        name for page in pages() for name in re.findall(r"\bscripts/\w+\.py\b", page.read_text())
    }
    assert scripts - set(tracked) == set()
