"""`make derive` writes a handler for each group, and deletes that of a group that is gone."""

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.derive import handlers
from scripts.derive.scan import Found, FoundResource
from sluice.application import Application
from sluice.kinds.integer import BigInt
from sluice.resource import Resource


def resource(name: str, group: str) -> FoundResource:
    declared = Resource(
        name=name,
        singular=name[:-1],
        table=f"public.{name}",
        group=group,
        key=BigInt("id", read_only=True),
        fields=[],
    )
    return FoundResource(declared, Path(f"{name}.py"), f"made.{name}:X", 1)


@pytest.fixture(name="found")
def two_groups(tmp_path: Path) -> Found:
    app = Application(format=1, name="made", functions_folder=str(tmp_path))
    resources = [resource("books", "library"), resource("shelves", "library")]
    return Found(app, tmp_path, (*resources, resource("notes", "notes"), resource("rows", "")))


def test_each_group_has_a_handler(found: Found, tmp_path: Path) -> None:
    files = handlers.files(found)

    assert [path.relative_to(tmp_path).as_posix() for path in files] == [
        "library/handler.py",
        "notes/handler.py",
    ]
    assert 'handler = group("notes")' in files[tmp_path / "notes" / "handler.py"]


def test_handler_of_a_former_group_is_deleted(found: Found, tmp_path: Path) -> None:
    for path, text in handlers.files(found).items():
        path.parent.mkdir()
        path.write_text(text)

    files = handlers.files(replace(found, resources=found.resources[:2]))

    assert files[tmp_path / "notes" / "handler.py"] == ""
    assert files[tmp_path / "library" / "handler.py"] != ""


def test_handler_by_hand_stays(found: Found, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "handler.py").write_text('"""/api/reports."""\n')

    assert tmp_path / "reports" / "handler.py" not in handlers.files(found)
