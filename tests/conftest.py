"""Load the fixtures, which are in modules of tests/fixtures by subject.

A session has one application. With SLUICE_APP=sample it runs the tests of the engine, those of
catalog/ and the suites, with SLUICE_APP=agency those of the agency and the suites, with that of an
adopted application the suites, otherwise everything else.
"""

import os
import signal
from pathlib import Path

import pytest

from tests.fixtures.own_tables import fixtures_module

HERE = Path(__file__).parent
OWN_TESTS = {
    "sample": ("engine", "catalog"),
    "agency": ("agency",),
    "studio": ("studio",),
}  # application → its tests
APP = os.environ.get("SLUICE_APP", "")
# Their tests take seconds each. One process would run the last of them while the others are idle.
FIRST = (
    *("catalog", "local", "pages", "scripts"),
    *("engine/adhoc_sql", "engine/imports", "engine/migrations"),
    *("shop/imports", "shop/sessions"),
    *("suites/test_openapi_requests.py", "suites/test_import.py", "suites/test_values.py"),
)

# A shell starts background jobs with SIGINT ignored, which children inherit. Tests send SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.log_redaction",
    "tests.fixtures.aws",
    "tests.fixtures.tcp_proxy",
    "tests.fixtures.database",
    fixtures_module(),
    "tests.fixtures.application",
    "tests.fixtures.imports",
    "tests.fixtures.import_queue",
    "tests.fixtures.replica",
    "tests.fixtures.local_system",
    "tests.fixtures.page_systems",
    "tests.fixtures.graph_audits",
    "tests.fixtures.sdk",
    "tests.fixtures.recorded_properties",
    "tests.fixtures.early_failures",
    "tests.fixtures.failed_tests",
]


def belongs_to_session(path: Path) -> bool:
    """Return whether the tests of this file or folder run on the session's application."""
    folder = (path.relative_to(HERE).parts or ("",))[0] if path.is_relative_to(HERE) else ""
    return belongs_to(APP, folder)


def belongs_to(app: str, folder: str) -> bool:
    """Return whether the tests of a folder run with SLUICE_APP=app; "" is the default one."""
    if folder in ("", "suites"):
        return True
    if app:
        return folder in OWN_TESTS.get(app, (app,))
    return all(folder not in folders for folders in OWN_TESTS.values())


def pytest_configure(config: pytest.Config) -> None:
    paths = [Path.cwd() / arg.partition("::")[0] for arg in config.args]
    if not any(belongs_to_session(path) for path in paths):
        apps = " or ".join(f"with SLUICE_APP={app}" for app in OWN_TESTS)
        wanted = "without SLUICE_APP" if APP else apps
        pytest.exit(f"run these tests {wanted}", returncode=pytest.ExitCode.NO_TESTS_COLLECTED)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return None if belongs_to_session(collection_path) else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests without parameters: the application has nothing that they test.

    Put the files that take long first; pytest-randomly has shuffled them.
    """
    empty = [item for item in items if any(map(is_empty, item.iter_markers("skip")))]
    if empty:
        config.hook.pytest_deselected(items=empty)
        items[:] = [item for item in items if item not in empty]
    items.sort(key=lambda item: not takes_long(item.path))


def takes_long(path: Path) -> bool:
    name = path.relative_to(HERE).as_posix() if path.is_relative_to(HERE) else ""
    return name.startswith(FIRST)


def is_empty(mark: pytest.Mark) -> bool:
    return str(mark.kwargs.get("reason")).startswith("got empty parameter set")
