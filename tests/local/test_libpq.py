"""`complete_url` completes a database URL as psql does."""

from pathlib import Path

import pytest

from local.libpq import complete_url, password_from_file
from sluice.settings import DatabaseSettings, SettingsError

KEYWORDS = {"host": "db.example", "port": "5432", "dbname": "shop", "user": "ann"}


def test_complete_url_is_unchanged() -> None:
    url = "postgresql://ann:p%2Fss@db.example:6432/my%20shop?sslmode=disable"
    assert complete_url(url, {"PGHOST": "other", "PGPASSWORD": "other"}) == url


def test_missing_parts_come_from_variables() -> None:
    variables = {
        "PGHOST": "db.example",
        "PGPORT": "6432",
        "PGUSER": "ann",
        "PGDATABASE": "shop",
        "PGPASSWORD": "a b",
    }
    assert complete_url("postgresql://", variables) == "postgresql://ann:a%20b@db.example:6432/shop"


def test_database_defaults_to_user_name(tmp_path: Path) -> None:
    environ = {"PGUSER": "ann", "PGPASSFILE": str(tmp_path / "none")}
    assert complete_url("postgresql://h", environ) == "postgresql://ann@h:5432/ann"


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://ann:x@h:1/shop", "postgres://ann:x@h:1/shop?application_name=y"]
)
def test_url_is_normalized(url: str) -> None:
    assert complete_url(url, {}) == "postgresql://ann:x@h:1/shop"


@pytest.mark.parametrize("host", ["::1", "/var/run/postgresql", "db.example"])
def test_completed_url_can_be_parsed(host: str) -> None:
    settings = DatabaseSettings.from_url(
        complete_url(f"postgresql:///s?host={host}&user=%C3%A4%40&password=%2F", {})
    )
    assert (settings.host, settings.user) == (host, "ä@")
    assert (settings.password, settings.name) == ("/", "s")


def test_invalid_variable_is_named() -> None:
    with pytest.raises(SettingsError, match="'many'"):
        complete_url("postgresql://ann@h/shop", {"PGPORT": "many"})


@pytest.mark.parametrize(
    ("lines", "password"),
    [
        ("db.example:5432:shop:ann:secret", "secret"),
        ("*:*:*:ann:first\n*:*:*:*:second", "first"),
        ("# a comment\nother:*:*:*:no\n*:*:*:*:yes", "yes"),
        (r"db.example:5432:shop:ann:with\:colon\\and", r"with:colon\and"),
        ("db.example:5432:shop:ben:no", ""),
        ("too:few:fields", ""),
        ("", ""),
    ],
)
def test_first_matching_pgpass_line_is_used(tmp_path: Path, lines: str, password: str) -> None:
    file = tmp_path / "pgpass"
    file.touch(mode=0o600)
    file.write_text(lines)
    assert password_from_file(file, KEYWORDS) == password


def test_socket_is_localhost_in_pgpass(tmp_path: Path) -> None:
    file = tmp_path / "pgpass"
    file.touch(mode=0o600)
    file.write_text("localhost:*:*:*:secret")
    assert password_from_file(file, KEYWORDS | {"host": "/tmp"}) == "secret"


def test_readable_pgpass_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "pgpass"
    file.write_text("*:*:*:*:secret")
    file.chmod(0o644)
    assert password_from_file(file, KEYWORDS) == ""
