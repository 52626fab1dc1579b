"""`make run`, `make migrate` and `make remove` for an application of one's own."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.postgres import PostgresServer
from tests.fixtures.copied_repository import copy_of_repository
from tests.fixtures.database import owner_connection
from tests.fixtures.local_system import LocalSystem, temporary_system
from tests.fixtures.own_application import NAME, TABLES, add_application
from tests.fixtures.postgres import throwaway_server


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with copy_of_repository() as folder:
        add_application(folder)
        yield folder


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with throwaway_server(durable=False) as started:
        yield started


@pytest.fixture
def url(server: PostgresServer) -> Iterator[str]:
    """The URL of a database with the tables of the application."""
    with closing(owner_connection(server.url())) as connection:
        connection.run("CREATE DATABASE music")
    url = server.url(database="music")
    with closing(owner_connection(url)) as connection:
        for statement in TABLES:
            connection.run(statement)
    yield url
    with closing(owner_connection(server.url())) as connection:
        connection.run("DROP DATABASE music WITH (FORCE)")
        for (role,) in connection.run("SELECT rolname FROM pg_roles WHERE rolname ~ '^sluice'"):
            connection.run(f"DROP ROLE {role}")


def sql(url: str, statement: str) -> list[list[Any]]:
    with closing(owner_connection(url)) as connection:
        return [list(row) for row in connection.run(statement) or ()]


def command(system: LocalSystem, name: str) -> tuple[str, str]:
    process = system.spawn(name)
    output, wrong = process.communicate(timeout=60)
    assert process.returncode == 0, wrong
    return output, wrong


def test_reads_before_migrate_and_everything_after(copy: Path, url: str) -> None:
    with temporary_system(copy, DATABASE_URL=url, SLUICE_APP=NAME, APP=NAME) as system:
        system.start()
        first = {"artist_id": 1, "name": "AC/DC"}
        assert system.request("/api/artist")[1]["data"][0] == first
        assert system.request("/api/artist/2/albums")[1]["data"][0]["album_id"] == 2
        query = {"query": "{ artistById(id: 1) { name albums { nodes { title } } } }"}
        assert system.request("/api/graphql", query)[1]["data"]["artistById"]["name"] == "AC/DC"
        assert system.request("/api/artist", {"artist_id": 3})[1]["code"] == "not_set_up"
        _, output, _ = system.stop()
        assert "to add it: APP=music make migrate DATABASE_URL=…" in output

        _, message = command(system, "migrate")
        assert "and the grants of music, which has no migrations here" in message

        system.start()
        assert system.request("/api/artist", {"artist_id": 3, "name": "Aerosmith"})[0] == 201
        assert system.request("/health/ready")[0] == 200
        _, output, _ = system.stop()
        assert "make migrate" not in output

        assert "removed  INSERT" in command(system, "remove")[0]
    assert sql(url, "SELECT name FROM artist WHERE artist_id = 3") == [["Aerosmith"]]
    assert sql(url, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'sluice%'") == [[0]]


def test_missing_table_is_named(copy: Path, url: str) -> None:
    sql(url, "DROP TABLE album")
    with temporary_system(copy, DATABASE_URL=url, SLUICE_APP=NAME, APP=NAME) as system:
        system.start()
        assert system.request("/api/album")[1]["code"] == "not_set_up"
        assert system.request("/api/artist/1")[0] == 200
        _, output, _ = system.stop()
        process = system.spawn("migrate")
        _, wrong = process.communicate(timeout=60)
    assert "does not have: public.album; create them, or remove their declarations" in output
    assert process.returncode == 1
    assert 'relation "public.album" does not exist; a declaration names it' in wrong
