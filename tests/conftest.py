"""Load the fixtures, which are in modules of tests/fixtures by subject.

A session has one application. With SLUICE_APP=sample it runs the tests of the engine and the
suites, otherwise everything but the tests of the engine.
"""

import os
import signal
from pathlib import Path

import pytest

from sluice import application

HERE = Path(__file__).parent
IS_SAMPLE = os.environ.get("SLUICE_APP") == "sample"

# A shell starts background jobs with SIGINT ignored, which children inherit. Tests send SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.log_redaction",
    "tests.fixtures.aws",
    "tests.fixtures.tcp_proxy",
    "tests.fixtures.database",
    f"tests.fixtures.{application.current().name}",
    "tests.fixtures.application",
    "tests.fixtures.imports",
    "tests.fixtures.import_queue",
    "tests.fixtures.replica",
    "tests.fixtures.local_system",
    "tests.fixtures.recorded_properties",
    "tests.fixtures.early_failures",
]


def belongs_to_session(path: Path) -> bool:
    """Return whether the tests of this file or folder run on the session's application."""
    folder = (path.relative_to(HERE).parts or ("",))[0] if path.is_relative_to(HERE) else ""
    return folder in ("", "suites") or (folder == "engine") == IS_SAMPLE


def pytest_configure(config: pytest.Config) -> None:
    paths = [Path.cwd() / arg.partition("::")[0] for arg in config.args]
    if not any(belongs_to_session(path) for path in paths):
        wanted = "without SLUICE_APP" if IS_SAMPLE else "with SLUICE_APP=sample"
        pytest.exit(f"run these tests {wanted}", returncode=pytest.ExitCode.NO_TESTS_COLLECTED)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return None if belongs_to_session(collection_path) else True
