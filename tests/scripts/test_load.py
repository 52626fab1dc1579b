"""`make load`: a file is checked before an import is created; rejected rows are printed."""

import json
import os
from email.message import Message
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError

import pytest

from scripts.load import LoadError, main, service_error
from testing.local_system import LocalSystem
from tests.fixtures.local_system import demo_system

__all__ = ["demo_system"]


@pytest.fixture
def options(demo_system: LocalSystem) -> list[str]:
    return [
        "--url",
        demo_system.local_json["base_url"],
        "--key",
        "local-admin",
        "--resource",
        "users",
    ]


def imports(demo_system: LocalSystem) -> list[int]:
    status, body = demo_system.request("/api/imports?limit=100")
    assert status == 200
    return [job["id"] for job in body["data"]]


UNUSABLE = {
    "missing.csv": "missing.csv does not exist",
    "folder.csv": "folder.csv is a directory; name a file in it",
    "file.xlsx": "file.xlsx must end in .csv, .jsonl, .ndjson, or in one of them and .gz",
    "empty.csv": "empty.csv is empty",
    "pipe.csv": "pipe.csv is not a regular file",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_file_creates_no_import(
    name: str,
    demo_system: LocalSystem,
    options: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file.xlsx").write_text("x")
    (tmp_path / "empty.csv").touch()
    os.mkfifo(tmp_path / "pipe.csv")
    before = imports(demo_system)
    assert main([str(tmp_path / name), *options]) == 1
    assert imports(demo_system) == before
    assert capsys.readouterr() == (
        "",
        f"load: {tmp_path}/{UNUSABLE[name]}\n".replace(f"{tmp_path}/file", "file"),
    )


@pytest.mark.parametrize(
    ("code", "detail", "kind", "message"),
    [
        (
            "not_set_up",
            "Only reading: make migrate",
            LoadError,
            "Only reading: make migrate (docs/own-database.md)",
        ),
        (
            "pool_exhausted",
            "Every connection is in use",
            OSError,
            "503: Every connection is in use",
        ),
    ],
)
def test_not_set_up_is_not_retried(
    code: str, detail: str, kind: type[Exception], message: str
) -> None:
    body = BytesIO(json.dumps({"code": code, "detail": detail}).encode())
    error = service_error(HTTPError("http://127.0.0.1/api/imports", 503, "", Message(), body))
    assert (type(error), str(error)) == (kind, message)


def test_resource_has_the_name_of_the_file(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "users.csv"
    file.write_text("email,name\nstem@example.com,N\n")
    assert main([str(file), *options[:4]]) == 0
    unknown = file.rename(tmp_path / "people.csv")
    assert main([str(unknown), *options[:4]]) == 1
    assert "/resource must be one of products, " in capsys.readouterr().err


def test_first_rejected_rows_are_printed(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "users.csv"
    file.write_text(
        "email,name\n"
        + "".join(f"load-{n}@example.com,{'' if n % 2 else 'N'}\n" for n in range(30))
    )
    assert main([str(file), *options]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert "30 rows read, 15 written, 15 rejected" in lines[0]
    assert lines[1:4] == [
        "rejected:",
        "  line 3, name: is missing (required)",
        "  line 5, name: is missing (required)",
    ]
    assert lines[12] == "  and 5 more"
    assert lines[13].startswith("the whole report: http")


def test_failed_import_prints_rejected_rows(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "users.csv"
    file.write_bytes(b"email,name\nbad,N\n" + b"\n" * 70_000)
    assert main([str(file), *options]) == 2
    file.write_text("colour\nred\n")
    assert main([str(file), *options]) == 1
    printed = capsys.readouterr()
    assert printed.out.count("line 2, email: must be an email address") == 1
    assert "failed: the column 'colour' is not one of email, name" in printed.err
