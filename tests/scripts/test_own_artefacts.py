"""`make derive` writes the artefacts of each application; DEFAULT exchanges two of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.intrinsics import load_template
from local.template import SamTemplate, read_template
from scripts.derive.docs_function import COPIED
from testing.copied_repository import copy_of_repository, run
from tests.fixtures.own_application import NAME, add_application

ARTEFACTS = f"deploy/{NAME}"
UP_TO_DATE = ("--old-file=.venv/.dev", "--old-file=.venv/.run", "--old-file=.venv-sam/.done")


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with copy_of_repository() as folder:
        add_application(folder)
        make(folder, "derive")
        run(folder, "git", "add", "--all")
        yield folder


def make(copy: Path, *arguments: str, code: int = 0) -> str:
    return run(copy, "make", "--no-print-directory", *UP_TO_DATE, *arguments, code=code)


def changes(copy: Path) -> str:
    return run(copy, "git", "status", "--short", "--untracked-files=all").replace("A  ", "")


def template(copy: Path, folder: str) -> SamTemplate:
    parameters = {"DbHost": "db", "DbSecretArn": "", "DbOwnerSecretArn": ""}
    path = copy / folder / "template.yaml"
    return read_template(path, parameters=parameters, secret=str)


def test_template_has_functions_of_that_application(copy: Path) -> None:
    functions = load_template(copy / ARTEFACTS / "template.yaml")["Resources"]

    assert functions["MusicFunction"]["Properties"]["CodeUri"] == "functions/music/music"
    assert functions["DocsFunction"]["Properties"]["CodeUri"] == f"{ARTEFACTS}/docs"
    assert functions["Cdn"]["Properties"]["TemplateURL"] == "../../cdn.yaml"
    assert "ProductsFunction" not in functions
    assert {route.key for route in template(copy, ARTEFACTS).routes} >= {
        "ANY /api/artist",
        "ANY /api/album/{album_id}",
    }


def test_engine_files_are_those_at_the_top(copy: Path) -> None:
    for name in COPIED:
        own = copy / ARTEFACTS / "docs" / name
        assert own.read_text() == (copy / "functions/docs" / name).read_text()
    assert (copy / ARTEFACTS / "openapi.json").resolve() == copy / ARTEFACTS / "docs/openapi.json"


def test_events_are_routed(copy: Path) -> None:
    names = {path.stem for path in (copy / ARTEFACTS / "events").glob("*.json")}

    assert names >= {"artist_list", "artist_get", "artist_create", "artist_patch", "album_list"}
    assert names >= {"health", "health_ready", "docs", "openapi", "graphql_query"}


def test_stale_artefact_fails_the_check(copy: Path) -> None:
    page = copy / ARTEFACTS / "api.md"
    written = page.read_text()
    page.write_text("changed")
    check = (".venv/bin/python", "-m", "scripts.derive", "--check")

    output = run(copy, *check, code=1, SLUICE_APP=NAME)
    page.write_text(written)

    assert f"{ARTEFACTS}/api.md" in output
    assert run(copy, *check, SLUICE_APP=NAME) == ""


def test_default_is_exchanged_and_back(copy: Path) -> None:
    before = changes(copy)
    events = {path.name for path in (copy / "events").iterdir()}

    make(copy, "derive", f"DEFAULT={NAME}")

    resources = load_template(copy / "template.yaml")["Resources"]
    assert "MusicFunction" in resources
    assert "ProductsFunction" not in resources
    assert "/api/artist" in (copy / "openapi.json").read_text()
    assert {path.name for path in (copy / "deploy/shop/events").iterdir()} == events
    assert not (copy / ARTEFACTS).exists()
    assert "MusicFunction" in run(
        copy, ".venv/bin/python", "scripts/connection_budget.py", "--verbose"
    )

    make(copy, "derive", "DEFAULT=shop")

    assert changes(copy) == before


def test_default_that_tests_have_is_refused(copy: Path) -> None:
    before = changes(copy)

    output = make(copy, "derive", "DEFAULT=sample", code=2)

    assert "sample is not in layers/shared" in output
    assert changes(copy) == before


@pytest.mark.parametrize(
    ("target", "used"),
    [
        ("build", f"--template-file {ARTEFACTS}/template.yaml --base-dir ."),
        ("lint-openapi", f"tests/spectral.yaml {ARTEFACTS}/openapi.json"),
    ],
)
def test_target_reads_the_artefacts_of_app(copy: Path, target: str, used: str) -> None:
    assert used in make(copy, target, f"APP={NAME}", "CONTAINER=1", "--dry-run")
    assert f"{ARTEFACTS}/" not in make(copy, target, "CONTAINER=1", "--dry-run")
    refused = make(copy, target, "APP=sample", code=2)
    assert "deploy/sample/template.yaml is missing" in refused


def test_budget_and_stages_are_those_of_app(copy: Path) -> None:
    python = ".venv/bin/python"
    budget = run(copy, python, "scripts/connection_budget.py", "--verbose", SLUICE_APP=NAME)
    run(copy, python, "scripts/render_template.py", "stages", SLUICE_APP=NAME)

    assert "MusicFunction" in budget
    assert "ProductsFunction" not in budget
    assert "MusicFunction" in (copy / "stages/default.json").read_text()
    assert "ProductsFunction" not in (copy / "stages/default.json").read_text()


@pytest.mark.slow
def test_sam_accepts_the_template(copy: Path) -> None:
    file = f"{ARTEFACTS}/template.yaml"
    run(copy, ".venv-sam/bin/sam", "validate", "--lint", "--template-file", file)
