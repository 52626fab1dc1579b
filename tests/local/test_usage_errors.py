"""Wrong use of the local system ends with one sentence that names the cause and the remedy."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from local.database import settings_from_url
from local.postgres import PostgresServer
from testing.local_system import ROOT, LocalSystem, temporary_system

# environment variables, and words of the error message
UsageError = tuple[dict[str, str], list[str]]
HOST = "127.0.0.1:1"  # nothing listens there
COMMANDS: list[list[str]] = [[], ["migrate"], ["remove"]]  # `make run` has none


START_ERRORS: list[UsageError] = [
    ({"PORT": "abc"}, ["PORT must be a number from 0 to 65535", "'abc'"]),
    ({"PORT": "80000"}, ["PORT must be a number from 0 to 65535", "'80000'"]),
    ({"PORT": "-1"}, ["PORT must be a number", "'-1'"]),
    ({"PORT": "٣٠٠٠"}, ["PORT must be a number", "'٣٠٠٠'"]),
    (
        {"SLUICE_STATE": "/dev/null/state"},
        ["/dev/null/state cannot be written", "SLUICE_STATE=/path make run"],
    ),
    (
        {"SLUICE_APP": "agency", "PYTHONPATH": "layers/shared:tests/apps"},
        ["the application agency is one of the tests", "APP must be one of these: shop"],
    ),
    ({"SLUICE_APP": "crm"}, ["there is no application 'crm'", "SLUICE_APP", "these: shop"]),
]
DATABASE_ERRORS: list[UsageError] = [
    (
        {"DATABASE_URL": "mysql://u@h/d"},
        ["DATABASE_URL", "postgresql://user:password@host:5432/database"],
    ),
    (
        {"DATABASE_URL": "host=h dbname=d"},
        ["DATABASE_URL", "postgresql://user:password@host:5432/database"],
    ),
    ({"DATABASE_URL": "postgresql://u@h:x/d"}, ["DATABASE_URL", "port must be a number", "'x'"]),
    (
        {"DATABASE_URL": "postgresql://u@h/d?schema=public"},
        ["DATABASE_URL", "'schema'", "remove it"],
    ),
    (
        {"DATABASE_URL": "postgresql://u@h/d", "PGPORT": "x"},
        ["DATABASE_URL", "port must be a number", "'x'"],
    ),
    (
        {"DATABASE_URL": f"postgresql://u:p@{HOST}/d"},
        ["database d at 127.0.0.1:1", "cannot be reached", "refused"],
    ),
    (
        {"DATABASE_URL": "postgresql://u@/d?host=/nowhere"},
        ["/nowhere", "cannot be reached", "no socket", "?host="],
    ),
    (
        {"DATABASE_URL": "postgresql://u@no-host.invalid/d"},
        ["no-host.invalid", "host name is not known"],
    ),
    (
        {"DATABASE_URL": "postgresql://u:x@h:1,h:2/d"},
        ["DATABASE_URL", "several hosts", "name the one to use"],
    ),
    (
        {"DATABASE_URL": "postgresql://u:p@a/c:rd@h/d"},
        ["DATABASE_URL", "an @ after the host", "%40"],
    ),
    (
        {"DATABASE_URL": f"postgresql://u@{HOST}/d?sslmode=verify-full&sslrootcert=/nowhere.pem"},
        ["no file /nowhere.pem", "sslrootcert"],
    ),
]


def with_one_command(errors: Sequence[tuple[object, object]]) -> list[Any]:
    """Return each error with each command. All but one command of each are slow."""
    return [
        pytest.param(command, *error, marks=[] if m == n % len(COMMANDS) else [pytest.mark.slow])
        for n, error in enumerate(errors)
        for m, command in enumerate(COMMANDS)
    ]


@pytest.mark.parametrize(
    ("command", "environ", "words"),
    [*(([], *use) for use in START_ERRORS), *with_one_command(DATABASE_ERRORS)],
    ids=lambda value: (
        " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_usage_error_is_one_sentence(
    command: list[str], environ: dict[str, str], words: list[str]
) -> None:
    with temporary_system(**environ) as system:
        message = system.failure_message(*command)
    assert message.count("\n") == 1
    for word in words:
        assert word in message, message


def test_missing_password_names_the_places(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = f"postgresql://postgres@127.0.0.1:{postgres_server.port}/postgres"
    with temporary_system(DATABASE_URL=url, PGPASSFILE=str(tmp_path / "none")) as system:
        message = system.failure_message()
    assert message.count("\n") == 1
    for place in ("asks for a password", "the URL", "PGPASSWORD", ".pgpass"):
        assert place in message


@pytest.mark.parametrize(
    ("command", "url", "sentence"),
    with_one_command(
        [
            (
                "postgresql://postgres:canary-wrong@{}/postgres",
                "rejects the user name or password; correct them",
            ),
            (
                "postgresql://postgres:{password}@{}/nowhere",
                "that database does not exist; create it",
            ),
            ("postgresql://postgres:canary@p/canary@{}/postgres", "an @ after the host"),
            (
                "postgresql://postgres:{password}@{}/postgres?sslmode=require",
                "the server has no TLS",
            ),
        ]
    ),
)
def test_server_error_is_one_sentence(
    postgres_server: PostgresServer, command: list[str], url: str, sentence: str
) -> None:
    place, password = (
        f"127.0.0.1:{postgres_server.port}",
        settings_from_url(postgres_server.url()).password,
    )
    with temporary_system(DATABASE_URL=url.format(place, password=password)) as system:
        message = system.failure_message(*command)
    assert message.count("\n") == 1
    assert sentence in message
    assert "canary" not in message


def test_tools_need_a_running_system(tmp_path: Path) -> None:
    with temporary_system() as system:
        for command in (["env", "ProductsFunction"], ["env"], ["psql"]):
            assert "not running; start it with: make run" in system.failure_message(*command)


def test_env_without_function_lists_them(demo_system: LocalSystem) -> None:
    message = demo_system.failure_message("env")
    assert "make env FUNCTION=" in message
    assert "ProductsFunction" in message
    assert message.count("\n") == 1


def test_psql_opens_the_database(demo_system: LocalSystem) -> None:
    process = demo_system.spawn(
        "psql", "-X", "-Atc", "SELECT current_database(), count(*) > 0 FROM products"
    )
    rows, wrong = process.communicate(timeout=30)
    assert (process.returncode, rows, wrong) == (0, "sluice|t\n", "")


def test_interrupted_start_is_silent() -> None:
    """At any moment after the first line of this package; before it, Python prints a traceback."""
    with temporary_system() as system:
        for moment in range(6):
            process = system.spawn()
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


def test_clean_state_fails_while_running(demo_system: LocalSystem) -> None:
    state = demo_system.home / "state"
    done = clean(state)
    assert done.returncode == 1
    assert "already running" in done.stderr
    assert "stop it first" in done.stderr
    assert (state / "local.json").exists()
    assert demo_system.request("/api/products?limit=1")[0] == 200


def test_clean_state_removes_all_state() -> None:
    with temporary_system() as system:
        system.start().stop()
        state = system.home / "state"
        elsewhere = state / "postgres" / "elsewhere"
        data = elsewhere.readlink() if elsewhere.is_symlink() else state / "postgres"
        assert data.exists()
        assert clean(state).returncode == 0
        assert not state.exists()
        assert not data.exists()
        assert clean(state).returncode == 0  # nothing left to remove


def test_clean_state_keeps_other_folders(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert clean(tmp_path).returncode == 1
    assert (tmp_path / "thesis.txt").exists()
