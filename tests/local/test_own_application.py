"""`make run`, `make migrate` and `make remove` for an application of one's own."""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.postgres import PostgresServer
from testing.copied_repository import copy_of_repository
from testing.local_system import LocalSystem, temporary_system
from tests.fixtures.database import owner_connection
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


EXAMPLES = """
    import { prepare } from './functions/docs/start.js';
    import { requests } from './local/console/page/traffic.js';
    const load = async (path, key) => {
      const headers = { 'X-API-Key': key };
      return (await fetch(process.argv[1] + path, { headers })).json();
    };
    const document = await load('/openapi.json');
    const sent = await requests(document, load);
    const { content } = prepare(document).paths['/api/artist'].post.requestBody;
    const { example } = content['application/json'];
    console.log(JSON.stringify({ sent, example }));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_examples_of_the_pages_work(copy: Path, url: str) -> None:
    def run_pages() -> dict[str, Any]:
        base_url = system.local_json["base_url"]
        command = ["node", "--input-type=module", "-e", EXAMPLES, base_url]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    with temporary_system(copy, DATABASE_URL=url, SLUICE_APP=NAME, APP=NAME) as system:
        command(system, "migrate")
        system.start()
        first = page(system, "/console/first_request.txt")
        assert system.request(first)[1]["data"][0]["title"] == "For Those About To Rock"
        query = page(system, "/graphiql/first_query.graphql")
        answer = system.request("/api/graphql", {"query": query})[1]
        assert answer["data"]["album"]["nodes"][0]["title"] == "For Those About To Rock"
        for _ in range(2):
            pages = run_pages()
            assert system.request("/api/artist", pages["example"])[0] == 201, pages["example"]
        sent = {path for path, *_ in pages["sent"]}
        assert {"/api/artist", "/api/album", "/api/artist/1", "/api/album/2"} <= sent
        assert "product" not in json.dumps(pages["sent"])


def page(system: LocalSystem, path: str) -> str:
    with urllib.request.urlopen(system.local_json["base_url"] + path, timeout=30) as response:  # noqa: S310
        return str(response.read().decode())


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
    with temporary_system(copy, SLUICE_APP=NAME, APP=NAME) as embedded:
        message = embedded.failure_message()
    assert f"does not exist; name the database that has it: make run APP={NAME} DATA" in message
