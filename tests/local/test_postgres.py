"""The embedded server: what survives a restart, what a killed owner leaves, and start errors."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pg8000.native
import pytest

from local import parent_death
from local.binaries import PostgresError, find_bindir, major_version, server_user
from local.postgres import PostgresServer, free_port
from tests.fixtures.waiting import is_running, wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Path]:
    """One home for all tests, because initdb takes long. Each test leaves its server stopped."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-home-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server(shared_home: Path) -> Iterator[PostgresServer]:
    """A running server."""
    with PostgresServer(shared_home, durable=False) as server:
        yield server


@pytest.fixture
def stopped(server: PostgresServer) -> PostgresServer:
    """A stopped server with data."""
    server.stop()
    return server


def connect(url: str) -> pg8000.native.Connection:
    parts = urlsplit(url)
    return pg8000.native.Connection(
        parts.username or "",
        password=parts.password,
        host=parts.hostname or "",
        port=parts.port or 0,
        database=parts.path[1:],
        ssl_context=False,
    )


def run(server: PostgresServer, statement: str) -> object:
    with closing(connect(server.url())) as connection:
        return connection.run(statement)


def pid_of(server: PostgresServer) -> int:
    return int((server.home / "data" / "postmaster.pid").read_text().split()[0])


def start_by_hand(server: PostgresServer) -> subprocess.Popen[bytes]:
    """Start a server on the same data without a lock, like the one that a killed owner leaves."""
    command = [
        str(find_bindir() / "postgres"),
        "-D",
        str(server.home / "data"),
        "-p",
        str(free_port()),
    ]
    return subprocess.Popen(
        parent_death.command([*command, "-c", "unix_socket_directories="], user=server_user()),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C"},
        start_new_session=True,
    )


def test_unicode_case_and_pg_stat_statements(empty_database: str) -> None:
    with closing(connect(empty_database)) as connection:
        assert connection.run("SELECT lower('ÄÖÜ É'), upper('ß à')")[0][0] == "äöü é"
        connection.run("CREATE EXTENSION pg_stat_statements")
        assert connection.run("SELECT count(*) > 0 FROM pg_stat_statements")[0][0] is True


def test_server_is_local_and_needs_password(server: PostgresServer) -> None:
    assert run(server, "SHOW listen_addresses") == [["127.0.0.1"]]
    assert run(server, "SHOW unix_socket_directories") == [[""]]
    with pytest.raises(pg8000.exceptions.DatabaseError):
        connect(server.url(password="wrong"))
    assert stat.S_IMODE((server.home / "password").stat().st_mode) == 0o600


def test_rows_and_password_survive_restart(server: PostgresServer) -> None:
    password = server.password
    run(server, "CREATE TABLE kept AS SELECT 1 AS n")
    server.stop()
    with PostgresServer(server.home, durable=False) as again:
        assert run(again, "SELECT n FROM kept") == [[1]]
        assert again.password == password


def test_committed_rows_survive_sigkill(server: PostgresServer) -> None:
    run(server, "CREATE TABLE killed AS SELECT generate_series(1, 100) AS n")
    port, pid = server.port, pid_of(server)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.running, "the end of the server")
    server.restart()
    assert run(server, "SELECT count(*) FROM killed") == [[100]]
    assert server.port == port
    assert pid_of(server) != pid


def test_stop_ends_process_and_port(server: PostgresServer) -> None:
    pid = pid_of(server)
    server.stop()
    server.stop()
    assert not is_running(pid)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


def test_start_stops_an_orphaned_server(stopped: PostgresServer) -> None:
    with start_by_hand(stopped) as orphan:
        wait_until(
            lambda: (stopped.home / "data" / "postmaster.pid").exists(), "the start of the orphan"
        )
        stopped.start()
        assert orphan.wait(10) is not None
        assert pid_of(stopped) != orphan.pid
        assert run(stopped, "SELECT 1") == [[1]]


def test_reused_pid_is_not_killed(server: PostgresServer) -> None:
    lines = (server.home / "data" / "postmaster.pid").read_text().splitlines()
    server.stop()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as foreign:
        (server.home / "data" / "postmaster.pid").write_text(
            "\n".join([str(foreign.pid), *lines[1:]]) + "\n"
        )
        server.start()
        assert run(server, "SELECT 1") == [[1]]
        assert foreign.poll() is None
        foreign.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start stops it")
def test_server_ends_with_its_killed_owner(stopped: PostgresServer) -> None:
    program = f"""
        from pathlib import Path
        from local.postgres import PostgresServer
        server = PostgresServer(Path({str(stopped.home)!r}), durable=False)
        server.start()
        print("started", flush=True)
        input()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        pid = pid_of(stopped)
        owner.kill()
    wait_until(lambda: not is_running(pid), "the end of the server")
    stopped.start()


def test_home_has_one_owner_at_a_time(server: PostgresServer) -> None:
    with pytest.raises(PostgresError, match=f"in use by process {os.getpid()}"):
        PostgresServer(server.home).start()
    assert run(server, "SELECT 1") == [[1]]


def test_port_in_use_is_named(stopped: PostgresServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PostgresError, match=f"port {port} on 127.0.0.1 is in use"):
            PostgresServer(stopped.home, port=port).start()


def test_data_of_other_major_is_rejected(stopped: PostgresServer) -> None:
    version = stopped.home / "data" / "PG_VERSION"
    kept = version.read_text()
    version.write_text("9\n")
    with pytest.raises(PostgresError, match="was created by PostgreSQL 9"):
        stopped.start()
    version.write_text(kept)


def test_data_without_password_is_rejected(stopped: PostgresServer) -> None:
    password = stopped.home / "password"
    hidden = password.rename(stopped.home / "hidden")
    with pytest.raises(PostgresError, match="password is missing"):
        stopped.start()
    hidden.rename(password)


def test_folder_without_programs_is_rejected(stopped: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match="does not run"):
        PostgresServer(stopped.home, bindir=tmp_path).start()


def test_other_installation_works(home: Path) -> None:
    others = [
        folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if (folder / "initdb").exists()
    ]
    if not others:
        pytest.skip("no other PostgreSQL is installed")
    with PostgresServer(home, bindir=others[0], durable=False) as server:
        assert run(server, "SELECT upper('é')") == [["É"]]
        version = run(server, "SHOW server_version_num")[0][0]  # type: ignore[index]
        assert version.startswith(str(major_version(others[0])))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_unreachable_home_keeps_data_elsewhere(home: Path) -> None:
    home.chmod(0o700)
    server = PostgresServer(home / "postgres", durable=False)
    server.start()
    try:
        data = Path(str(run(server, "SHOW data_directory")[0][0]))  # type: ignore[index]
        run(server, "CREATE TABLE kept AS SELECT 1 AS n")
        server.stop()
        server.start()
        assert run(server, "SELECT n FROM kept") == [[1]]
        server.stop()
        (home / "postgres").rename(home / "moved")
        server = PostgresServer(home / "moved", durable=False)
        server.start()
        assert run(server, "SELECT n FROM kept") == [[1]]
        server.stop()
        (home / "moved" / "password").unlink()  # as `make clean-state` does, with all of the home
        server.start()
        assert run(server, "SELECT to_regclass('kept')") == [[None]]
    finally:
        server.stop()
        shutil.rmtree(data.parent)
