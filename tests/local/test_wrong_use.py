"""Wrong uses of the local system: each ends with one sentence that names the fault and the remedy."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.postgres import PostgresServer
from tests.fixtures.system import ROOT, System, state_of_its_own

HOST = "127.0.0.1:1"  # nothing listens there


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"PORT": "abc"}, ["PORT must be a number from 0 to 65535", "'abc'"]),
        ({"PORT": "80000"}, ["PORT must be a number from 0 to 65535", "'80000'"]),
        ({"PORT": "-1"}, ["PORT must be a number", "'-1'"]),
        ({"PORT": "٣٠٠٠"}, ["PORT must be a number", "'٣٠٠٠'"]),
        ({"SLUICE_STATE": "/dev/null/state"}, ["/dev/null/state cannot be written", "SLUICE_STATE=/path make run"]),
        ({"DATABASE_URL": "mysql://u@h/d"}, ["DATABASE_URL", "postgresql://user:password@host:5432/database"]),
        ({"DATABASE_URL": "host=h dbname=d"}, ["DATABASE_URL", "postgresql://user:password@host:5432/database"]),
        ({"DATABASE_URL": "postgresql://u@h:x/d"}, ["DATABASE_URL", "port must be a number", "'x'"]),
        ({"DATABASE_URL": "postgresql://u@h/d?schema=public"}, ["DATABASE_URL", "'schema'", "remove it"]),
        ({"DATABASE_URL": "postgresql://u@h/d", "PGPORT": "x"}, ["DATABASE_URL", "port must be a number", "'x'"]),
        ({"DATABASE_URL": f"postgresql://u:p@{HOST}/d"}, ["database d at 127.0.0.1:1", "cannot be reached", "refused"]),
        ({"DATABASE_URL": "postgresql://u@/d?host=/nowhere"}, ["/nowhere", "cannot be reached"]),
    ],
    ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_wrong_use_is_one_sentence(environ: dict[str, str], words: list[str]) -> None:
    with state_of_its_own(**environ) as system:
        message = system.fails()
    assert message.count("\n") == 1
    for word in words:
        assert word in message, message


def test_a_server_that_asks_for_a_password_names_the_places(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = f"postgresql://postgres@127.0.0.1:{postgres_server.port}/postgres"
    with state_of_its_own(DATABASE_URL=url, PGPASSFILE=str(tmp_path / "none")) as system:
        message = system.fails()
    assert message.count("\n") == 1
    for place in ("asks for a password", "the URL", "PGPASSWORD", ".pgpass"):
        assert place in message


def test_a_wrong_password_is_not_printed(postgres_server: PostgresServer) -> None:
    url = f"postgresql://postgres:canary-wrong@127.0.0.1:{postgres_server.port}/postgres"
    with state_of_its_own(DATABASE_URL=url) as system:
        message = system.fails()
    assert "refuses the user name or password" in message
    assert "canary" not in message


def test_an_interrupt_while_starting_is_silent() -> None:
    """At any moment from our first line on; before it, the interpreter answers for itself."""
    with state_of_its_own() as system:
        for moment in range(6):
            process = system.command()
            deadline = time.monotonic() + 0.1 + 0.12 * moment
            while time.monotonic() < deadline:
                process.poll()
            process.terminate() if moment % 2 else process.send_signal(2)
            _, err = process.communicate(timeout=30)
            assert f"{ROOT}/local/" not in err, f"after {0.1 + 0.12 * moment:.2f} s: {err}"


def clean(state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.clean"],
        cwd=ROOT,
        env={"SLUICE_STATE": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_clean_state_is_refused_while_it_runs(demo_shop: System) -> None:
    state = demo_shop.home / "state"
    done = clean(state)
    assert done.returncode == 1
    assert "already running" in done.stderr
    assert "stop it first" in done.stderr
    assert (state / "local.json").exists()
    assert demo_shop.ask("/api/products?limit=1")[0] == 200


def test_clean_state_removes_what_a_stopped_system_left() -> None:
    with state_of_its_own() as system:
        system.start().stop()
        state = system.home / "state"
        elsewhere = state / "postgres" / "elsewhere"
        data = elsewhere.readlink() if elsewhere.is_symlink() else state / "postgres"
        assert data.exists()
        assert clean(state).returncode == 0
        assert not state.exists()
        assert not data.exists()
        assert clean(state).returncode == 0  # nothing left to remove


def test_clean_state_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert clean(tmp_path).returncode == 1
    assert (tmp_path / "thesis.txt").exists()
