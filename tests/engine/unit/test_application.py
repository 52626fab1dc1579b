"""Declarations of applications, and the messages if one is wrong or missing."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from sluice import application, runtime
from sluice.application import Application, ApplicationError, ApplicationFunction, with_resources
from sluice.settings import SettingsError

ROOT = Path(__file__).parents[3]
FUNCTION = ApplicationFunction("parts/things", {"All": "/api/things"})


def declare(**changes: Any) -> Application:
    fields = {"format": 1, "name": "tiny", "functions": (FUNCTION,), "scopes": (), **changes}
    return Application(**fields)


def registry(groups: Mapping[str, Any] = MappingProxyType({})) -> SimpleNamespace:
    return SimpleNamespace(GROUPS=groups, IMPORTS=(), REPOSITORIES={}, SCOPES=(), REPLICA_SCOPES=())


def test_other_format_is_reported_before_its_unknown_fields() -> None:
    with pytest.raises(ApplicationError, match=r"tiny has format 2, .* see docs/upgrade\.md"):
        declare(format=2, resources=())
    with pytest.raises(TypeError, match="resources"):
        declare(resources=())


def test_wrong_name_is_reported_with_its_application() -> None:
    with pytest.raises(ApplicationError, match=r"application tiny registers \['tiny\.analytics'\]"):
        declare(analytics="tiny.analytics")


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        ((), "tiny has no function"),
        ((ApplicationFunction("tiny/functions/imports", {}),), "named imports"),
        ((FUNCTION, ApplicationFunction("other/things", {})), "named things"),
        ((FUNCTION, FUNCTION), "named things"),
    ],
)
def test_functions_need_folders_of_their_own(functions: Any, message: str) -> None:
    with pytest.raises(ApplicationError, match=message):
        with_resources(declare(functions=functions), registry())


@pytest.mark.parametrize("group", ["graphql", "things"])
def test_group_needs_a_folder_of_its_own(group: str) -> None:
    groups = {group: {"books": ("/api/books", "/api/books/{id}")}}

    with pytest.raises(ApplicationError, match=f"named {group}"):
        with_resources(declare(), registry(groups))


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (
            lambda app: app.load("anlaytics"),
            "'anlaytics' is not loaded without a name; that is analytics",
        ),
        (lambda app: app.load("imports"), "'imports' is not loaded without a name"),
        (lambda app: app.load("demo", "x"), "'demo' is not loaded by name; .* imports"),
        (lambda app: app.load("demo"), "the application tiny has no demo"),
    ],
)
def test_what_cannot_be_loaded(load: Callable[[Application], Any], message: str) -> None:
    with pytest.raises(ApplicationError, match=message):
        load(declare())


@pytest.fixture
def no_runtime() -> Iterator[None]:
    before = runtime._current
    runtime._current = None
    yield
    runtime._current = before


@pytest.mark.parametrize("name", ["a.b", "nothing", "../sample", ".x", "sluice"])
def test_unknown_application_is_a_problem_of_the_settings(
    name: str, monkeypatch: pytest.MonkeyPatch, no_runtime: None
) -> None:
    monkeypatch.setenv("SLUICE_APP", name)

    with pytest.raises(SettingsError) as caught:
        runtime.current()

    [problem] = [problem for problem in caught.value.problems if "SLUICE_APP" in problem]
    assert name in problem
    if name != "sluice":
        assert "sample" in problem.rpartition("one of these: ")[2].split(", ")


def test_missing_application_is_a_problem_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "layers" / "shared").mkdir(parents=True)
    copy = tmp_path / "layers" / "shared" / "sluice"  # where there is no pyproject.toml
    copy.symlink_to(ROOT / "layers" / "shared" / "sluice")

    done = subprocess.run(
        [sys.executable, "-c", "from sluice import application; print(application.problems())"],
        env={"PYTHONPATH": f"{copy.parent}:{ROOT / 'tests' / 'apps'}"},
        capture_output=True,
        text=True,
        check=True,
    )

    expected = "['SLUICE_APP is not set; it must name one of these: agency, sample, studio']"
    assert done.stdout.strip() == expected


def test_package_without_a_declaration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "blank").mkdir()
    (tmp_path / "blank" / "application.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ApplicationError, match="does not define APPLICATION with the name blank"):
        application.named("blank")
    assert "blank" not in application.installed()
