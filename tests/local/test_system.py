"""`python -m local`: it serves, keeps its data, reports errors, and leaves no processes."""

import http.client
import json
import os
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.postgres import free_port
from sluice.migrations.runner import migrate_url
from testing.local_system import LocalSystem, temporary_system
from tests.fixtures.waiting import is_running, wait_until

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0  # a first start on a busy machine compiles every module


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalSystem]:
    """A system for all tests. A test may stop it: the fixture `system` starts it again."""
    with temporary_system() as system:
        yield system


@pytest.fixture
def system(shared: LocalSystem) -> LocalSystem:
    return shared if shared.process else shared.start()


def test_restart_keeps_data_and_no_processes(system: LocalSystem) -> None:
    status, category = system.request("/api/categories", {"name": f"Käse {os.urandom(4).hex()}"})
    assert status == 201, category
    port, pids = system.port, system.child_pids()
    assert len(pids) > 3
    returned, out, err = system.stop(signal.SIGINT)
    assert (returned, err) == (0, "")
    assert re.search(r"POST +/api/categories +201 +[\d.]+ ms", out)
    assert "local-limited" in out
    assert f"http://127.0.0.1:{port}/console" in out
    assert [pid for pid in pids if is_running(pid)] == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    left = {path.name for path in (system.home / "state").iterdir()}
    assert left == {"aws.log", "functions.log", "lock", "postgres", "secrets.json"}
    system.start()
    assert system.request(f"/api/categories/{category['id']}")[1]["name"] == category["name"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/products",
        "/api/products/404",
        "/api/products?limit=x",
        "/health",
        "/openapi.json",
        "/docs",
        "/no",
    ],
)
def test_head_has_the_length_of_get(system: LocalSystem, path: str) -> None:
    seen = []
    for method in ("GET", "HEAD"):
        connection = http.client.HTTPConnection("127.0.0.1", system.port)
        connection.request(method, path, headers={"X-API-Key": "local-reader"})
        response = connection.getresponse()
        names = sorted(name.lower() for name, _ in response.getheaders())
        body = response.read()
        seen.append((response.status, names, response.headers["Content-Length"]))
        connection.close()
    assert (seen[0], body) == (seen[1], b"")
    assert int(seen[0][2]) > 0
    assert {"cache-control", "vary"} <= set(seen[0][1])


@pytest.mark.parametrize("origin", ["http://localhost:5173", "https://[::1]", "http://127.0.0.1"])
def test_local_pages_may_call_the_api(system: LocalSystem, origin: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", system.port)
    preflight_headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key",
    }
    connection.request("OPTIONS", "/api/orders", headers=preflight_headers)
    preflight = connection.getresponse()
    preflight.read()
    connection.request(
        "GET", "/api/orders/404", headers={"Origin": origin, "X-API-Key": "local-reader"}
    )
    not_found = connection.getresponse()
    not_found.read()
    connection.close()
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, origin)
    assert "X-API-Key" in preflight.headers["Access-Control-Allow-Headers"]
    assert (not_found.status, not_found.headers["Access-Control-Allow-Origin"]) == (404, origin)
    assert "RateLimit" in not_found.headers["Access-Control-Expose-Headers"]


def test_published_files_are_private(system: LocalSystem) -> None:
    published = system.local_json
    assert published.keys() == {
        "base_url", "database_url", "dynamodb_url", "s3_url", "sqs_url", "imports_bucket", "pid",
    }  # fmt: skip
    assert published["pid"] == system.pid
    for name in ("local.json", "env.json", "functions.json", "secrets.json"):
        assert (system.home / "state" / name).stat().st_mode & 0o077 == 0, name
    bucket = f"{published['s3_url']}/{published['imports_bucket']}?list-type=2"
    with urllib.request.urlopen(bucket) as listing:  # noqa: S310 - our own server
        assert b"<KeyCount>0</KeyCount>" in listing.read()


def test_env_prints_exports(system: LocalSystem) -> None:
    output, _ = system.spawn("env", "ProductsFunction").communicate(timeout=30)
    assert "export AWS_LAMBDA_FUNCTION_NAME=ProductsFunction\n" in output
    assert "export SLUICE_DB_USER=sluice_app\n" in output
    assert "there is no function 'NoFunction'" in system.failure_message("env", "NoFunction")


def test_second_system_names_the_first(system: LocalSystem) -> None:
    assert f"{system.local_json['base_url']} (process {system.pid})" in system.failure_message()


def test_killed_database_is_restarted(system: LocalSystem) -> None:
    assert system.request("/api/products")[0] == 200
    data = system.home / "state" / "postgres" / "data" / "postmaster.pid"
    os.kill(int(data.read_text().split()[0]), signal.SIGKILL)
    wait_until(lambda: system.request("/api/products")[0] == 200, "the database's return")


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere PostgreSQL is stopped by the next start"
)
def test_kill_leaves_no_processes(system: LocalSystem) -> None:
    system.request("/health")
    pids = system.child_pids()
    system.stop(signal.SIGKILL)
    wait_until(lambda: not any(is_running(pid) for pid in pids), "the end of all children")
    assert system.start().request("/health")[0] == 200


def test_database_url_selects_the_server(home: Path, empty_database: str) -> None:
    migrate_url(empty_database, "shop")
    other = LocalSystem(home, DATABASE_URL=empty_database).start()
    try:
        assert other.request("/api/products")[0] == 200
        assert other.request("/api/categories", {"name": "Guests"})[0] == 201
        assert other.local_json["database_url"] == empty_database
        assert not (home / "state" / "postgres").exists()
    finally:
        other.stop()


def test_port_in_use_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert (
            f"port {port} on 127.0.0.1 is in use"
            in LocalSystem(home, PORT=str(port)).failure_message()
        )


def test_database_error_hides_password(home: Path, empty_database: str) -> None:
    nowhere = LocalSystem(
        home, DATABASE_URL=f"postgresql://u:secret@127.0.0.1:{free_port()}/shop"
    ).failure_message()
    assert "the database shop at 127.0.0.1" in nowhere
    assert "cannot be reached" in nowhere
    assert "secret" not in nowhere
    wrong_password = re.sub(r":[^:@/]+@", ":wrong@", empty_database)
    assert (
        "rejects the user name or password"
        in LocalSystem(home, DATABASE_URL=wrong_password).failure_message()
    )


def test_invalid_parameter_is_named(home: Path, empty_database: str) -> None:
    output = LocalSystem(home, DATABASE_URL=empty_database).failure_message(
        "--set", "LogLevel=LOUD"
    )
    assert "the parameter LogLevel is 'LOUD'" in output


def test_env_needs_a_running_system(home: Path) -> None:
    assert "not running" in LocalSystem(home).failure_message("env", "ProductsFunction")


def test_unread_output_does_not_block(system: LocalSystem) -> None:
    pipe_full = 2_000  # lines; a pipe holds 64 KiB
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=30)
    for _ in range(pipe_full):
        connection.request("GET", "/nowhere")
        with connection.getresponse() as response:
            assert json.load(response)["code"] == "not_found"
    connection.close()
    os.kill(system.pid, signal.SIGTERM)
    wait_until(lambda: not is_running(system.pid), "the end")
    assert system.stop()[0] == 0
