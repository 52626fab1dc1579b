"""Behind a transaction pooler, where each transaction may get another server connection, rows stay their owner's."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sluice.db.database import Database
from sluice.settings import DatabaseSettings

STOCK = {"unsupported_reason": lambda: "these tests want the stock connection"}
THREADS, SERVER_CONNECTIONS = 16, 2


@pytest.fixture(scope="module")
def pooler(settings: DatabaseSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a PgBouncer in transaction mode, with few connections to the server."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("no pgbouncer: apt-get install pgbouncer")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = tmp_path_factory.mktemp("pgbouncer") / "pgbouncer.ini"
    server = f"host={settings.host} port={settings.port} user={settings.user} password={settings.password}"
    config.write_text(
        f"[databases]\n{settings.name} = {server}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\n"
        f"unix_socket_dir=\nauth_type=any\npool_mode=transaction\ndefault_pool_size={SERVER_CONNECTIONS}\n"
    )
    readable(config)
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    process = subprocess.Popen([program, str(config)], user=user, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def readable(path: Path) -> None:
    path.chmod(0o644)
    for folder in path.parents:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            continue
        return
    pytest.fail("pgbouncer does not answer")


@pytest.mark.parametrize(
    ("options", "prepare", "each"),
    [({}, False, 125), ({}, True, 125), (STOCK, False, 25)],
    ids=["pipelined", "prepared", "stock"],
)
def test_threads_get_their_own_rows(
    make_database: Callable[..., Database], pooler: int, options: dict[str, Any], prepare: bool, each: int
) -> None:
    database = make_database("web", options=options, port=pooler, pool_overflow=THREADS, pool_timeout=30)

    def reads(thread: int) -> tuple[bool, set[int]]:
        mine = [thread * 1000 + n for n in range(each)]
        statements = [f"SELECT CAST(:n AS int) + {n % 7} - {n % 7} AS n, pg_backend_pid() AS pid" for n in mine]
        rows = [
            database.read(statement, {"n": n}, prepare=prepare)[0]
            for statement, n in zip(statements, mine, strict=True)
        ]
        return [row.n for row in rows] == mine, {row.pid for row in rows}

    with ThreadPoolExecutor(THREADS) as threads:
        results = list(threads.map(reads, range(THREADS)))
    assert all(right for right, _ in results)
    assert len(set().union(*(pids for _, pids in results))) <= SERVER_CONNECTIONS


def test_transactions_hold_behind_the_pooler(make_database: Callable[..., Database], pooler: int, admin: Any) -> None:
    admin.run("CREATE TABLE IF NOT EXISTS pooled (id int)")
    engine = make_database(port=pooler)._engine
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO pooled VALUES (1)"))
        connection.rollback()
        connection.execute(text("INSERT INTO pooled VALUES (2)"))
        connection.commit()
    assert list(admin.run("SELECT id FROM pooled")) == [[2]]
