"""Each test is in exactly one target that checks a change, or in `make test-slow`.

The targets run with a shell script instead of Python. It records the arguments of pytest.
"""

import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import OWN_TESTS, belongs_to

ROOT = Path(__file__).parents[2]
NOT_SLOW = "not slow"
# All of them run `-m "not slow"`, for each change.
QUICK = ("check", "test", "test-suites", "test-local", "test-pages")
VENVS = (".venv/.dev", ".venv-sam/.done", ".venv-docs/.done")
APPS = (*OWN_TESTS, "")
FILES = [path.relative_to(ROOT) for path in sorted((ROOT / "tests").rglob("test_*.py"))]
# Tests that need more than pytest are skipped without the variable that their target sets.
OPT_IN = {
    "SLUICE_FUZZ_SQL": "fuzz-sql",
    "SLUICE_MUTATE": "mutate-tenants",
    "SLUICE_TEST_BUILD": "test-build",
    "SLUICE_TEST_SAM": "test-sam",
}
SKIPPED_WITHOUT = re.compile(
    r'skipif\(\s*"(SLUICE_\w+)" not in|"(SLUICE_\w+)" not in os\.environ:\s+pytest\.skip'
)
PYTHON = """#!/bin/sh
test "$2" = pytest || exit 0
printf '%s\\n' "SLUICE_APP=$SLUICE_APP" "$@" "" >> {record}
exit {code}
"""


@dataclass(frozen=True)
class PytestRun:
    """A command line of pytest: the application, the marker expression, and the paths."""

    app: str
    markers: str
    paths: tuple[Path, ...]
    ignored: tuple[Path, ...]

    def selects(self, app: str, path: Path) -> bool:
        """Return whether the run collects this file with this application."""
        if app != self.app or any(path.is_relative_to(each) for each in self.ignored):
            return False
        return not self.paths or any(path.is_relative_to(each) for each in self.paths)


def pytest_run(lines: list[str]) -> PytestRun:
    app, _, _, *words = lines  # SLUICE_APP=…, -m, pytest
    ignored = [word.partition("=")[2] for word in words if word.startswith("--ignore=")]
    return PytestRun(
        app.partition("=")[2],
        words[words.index("-m") + 1],
        tuple(Path(word) for word in words if word.startswith("tests/")),
        tuple(map(Path, ignored)),
    )


@cache
def runs_of(target: str) -> list[PytestRun]:
    """Return what `make` runs for a target, in its order."""
    with TemporaryDirectory() as name:
        folder, record = Path(name), Path(name) / "record"
        # make check would go on with programs that are not in this folder.
        code = 1 if target == "check" else 0
        for program, text in {
            "python": PYTHON.format(record=shlex.quote(str(record)), code=code),
            **dict.fromkeys(("ruff", "mypy"), "#!/bin/sh\n"),
        }.items():
            (folder / program).write_text(text)
            (folder / program).chmod(0o755)
        old = [f"--old-file={venv}" for venv in VENVS]
        command = ["make", "--no-print-directory", *old, f"BIN={folder}", "APP=", target]
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "SLUICE_APP": ""}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) is (code == 0), done.stdout + done.stderr
        return [pytest_run(each.splitlines()) for each in record.read_text().split("\n\n")[:-1]]


def sessions() -> Iterator[tuple[str, Path]]:
    """Yield each application with each file that its session may collect."""
    for path in FILES:
        folder = path.parts[1] if len(path.parts) > 2 else ""
        yield from ((app, path) for app in APPS if belongs_to(app, folder))


def targets_of(app: str, path: Path) -> list[str]:
    """Return the targets of QUICK that run the file's tests which are not slow."""
    return [
        target
        for target in QUICK
        for run in runs_of(target)
        if run.markers == NOT_SLOW and run.selects(app, path)
    ]


def test_quick_targets_leave_only_slow_tests_out() -> None:
    assert {run.markers for target in QUICK for run in runs_of(target)} == {NOT_SLOW}


def test_each_test_is_in_exactly_one_target() -> None:
    """Targets share no session of a file, and each file is in one with some application."""
    found = {(app, path): targets_of(app, path) for app, path in sessions()}
    covered = {path for (_, path), targets in found.items() if targets}

    assert {str(key): targets for key, targets in found.items() if len(targets) > 1} == {}
    assert {str(path) for path in FILES} - {str(path) for path in covered} == set()


def test_slow_tests_and_other_applications_run_nightly() -> None:
    """make test-slow runs the slow tests of each session, and sessions that no target has."""
    runs = runs_of("test-slow")
    missing = Counter[str]()
    for app, path in sessions():
        markers = {run.markers for run in runs if run.selects(app, path)}
        if "slow or hypothesis" not in markers:
            missing[f"slow: {app} {path}"] += 1
        if NOT_SLOW not in markers and not targets_of(app, path):
            missing[f"not slow: {app} {path}"] += 1

    assert missing == Counter()


def targets_run_by_ci() -> set[str]:
    texts = [(ROOT / ".ci/run").read_text()]
    texts += [path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")]
    listed = re.findall(r"target: \[(.+?)\]", "\n".join(texts), re.DOTALL)
    return {
        *re.findall(r"\bmake ([a-z][a-z0-9-]*)", "\n".join(texts)),
        *(name for names in listed for name in re.split(r"[,\s]+", names)),
    }


@pytest.mark.parametrize("place", [".ci/run", ".github/workflows/ci.yml"])
def test_each_change_runs_the_quick_targets(place: str) -> None:
    text = (ROOT / place).read_text()

    assert [each for each in QUICK if not re.search(rf"\b(?<!-){each}(?![\w-])", text)] == []


def test_targets_that_enable_tests_run_in_ci() -> None:
    texts = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    used = {name for text in texts for pair in SKIPPED_WITHOUT.findall(text) for name in pair}

    assert used - {""} == {*OPT_IN}
    assert {*OPT_IN.values(), "test-slow", "fuzz"} - targets_run_by_ci() == set()
