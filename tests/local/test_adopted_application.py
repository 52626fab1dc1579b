"""From a database URL to a served API: `make adopt`, `make migrate`, and the local system."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.copied_repository import copy_of_repository, run
from testing.local_system import temporary_system
from tests.adopted.__main__ import loaded
from tests.fixtures.postgres import throwaway_server
from tests.fixtures.template import ROOT

pytestmark = pytest.mark.slow

UP_TO_DATE = [
    f"--assume-old={target}" for target in (".venv/.dev", ".venv/.run", ".venv/bin/python")
]
FROM_ADOPT = ("layers/shared/ten/", "functions/ten/", "deploy/ten/", "tests/apps/ten/")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with throwaway_server(durable=False) as server:
        yield loaded(server, ROOT / "tests/adopted/ten.sql", "ten")


@pytest.fixture(scope="module")
def copy(url: str) -> Iterator[Path]:
    with copy_of_repository() as folder:
        make(folder, "adopt", "TABLES=ten.*", "APP=ten", "WRITE=1", FROM=url)
        yield folder


def make(folder: Path, *arguments: str, **environ: str) -> str:
    return run(folder, "make", "--no-print-directory", *UP_TO_DATE, *arguments, **environ)


def changed(folder: Path) -> str:
    return run(folder, "git", "status", "--porcelain", "--untracked-files=all")


def test_adopted_tables_are_served(copy: Path, url: str) -> None:
    make(copy, "migrate", "APP=ten", DATABASE_URL=url)

    with temporary_system(copy, DATABASE_URL=url, SLUICE_APP="ten", APP="ten") as system:
        system.start()
        status, row = system.request("/api/labels", {"slug": "new", "title": "New"})
        assert (status, row) == (201, {"slug": "new", "title": "New"})
        assert system.request("/api/labels?limit=1")[1]["data"] == [row]
        query = {"query": '{ label(id: "new") { title } }'}
        assert system.request("/api/graphql", query)[1]["data"] == {"label": {"title": "New"}}
        document = system.request("/openapi.json")[1]
        assert "/api/labels/{slug}" in document["paths"]


def test_engine_is_not_touched(copy: Path) -> None:
    files = [line[3:] for line in changed(copy).splitlines() if line.startswith(("??", " M"))]

    assert files
    assert [name for name in files if not name.startswith(FROM_ADOPT)] == []


def test_second_adopt_changes_nothing(copy: Path, url: str) -> None:
    before = changed(copy)
    run(copy, "git", "add", "--all")

    make(copy, "adopt", "TABLES=ten.*", "APP=ten", "WRITE=1", FROM=url)

    assert before
    assert [line for line in changed(copy).splitlines() if not line.startswith("A ")] == []
