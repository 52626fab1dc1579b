"""The command that makes, lists, rotates and revokes API keys, against the running system."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from scripts.api_keys import main
from tests.fixtures.local_system import LocalSystem

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    returncode: int
    stdout: str
    stderr: str


def api_keys(system: LocalSystem, *arguments: str) -> Ran:
    """The command, in this process: an interpreter with boto3 of its own takes a second each time."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([*arguments, "--state", str(system.home / "state")])
        except SystemExit as ended:  # argparse's
            code = int(ended.code or 0)
    return Ran(code, out.getvalue(), err.getvalue())


def status(system: LocalSystem, key: str, path: str) -> int:
    request = urllib.request.Request(  # noqa: S310
        system.local_json["base_url"] + path, headers={"X-API-Key": key}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_key_is_made_and_shown_once_and_works(demo_system: LocalSystem) -> None:
    made = api_keys(
        demo_system,
        "create",
        "shop-frontend",
        "--scopes",
        "catalog:read,orders:write",
        "--days",
        "30",
    )
    key = made.stdout.strip()

    assert (made.returncode, made.stderr, key.startswith("sluice_"), len(key)) == (0, "", True, 50)
    assert status(demo_system, key, "/api/products") == 200
    assert status(demo_system, key, "/api/orders") == 403
    listed = api_keys(demo_system, "list").stdout
    assert key not in listed
    assert "shop-frontend            holds     expires 20" in listed
    assert "catalog:read,orders:write" in listed


def test_make_key_prints_the_key_alone_and_keeps_its_tenant(demo_system: LocalSystem) -> None:
    of_make = ("MAKEFLAGS", "MAKELEVEL")  # when make runs the tests; a person's shell has neither
    shell = {name: value for name, value in os.environ.items() if name not in of_make}
    environment = {**shell, "SLUICE_STATE": str(demo_system.home / "state")}
    command = [
        "make",
        "key",
        "SCOPES=catalog:read orders:read",
        "TENANT=acme & sons",
        "CLIENT=tenants-own",
    ]
    made = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert made.stdout.startswith("sluice_")
    assert len(made.stdout) == 51
    assert status(demo_system, made.stdout.strip(), "/api/orders") == 200
    (line,) = [
        line for line in api_keys(demo_system, "list").stdout.splitlines() if "tenants-own" in line
    ]
    assert line.endswith("catalog:read,orders:read  tenant acme & sons")
    api_keys(demo_system, "rotate", line.split()[0])
    assert api_keys(demo_system, "list").stdout.count("tenant acme & sons") == 2
    empty = api_keys(demo_system, "create", "empty", "--scopes", "catalog:read", "--tenant", " ")
    assert (empty.returncode, empty.stdout) == (1, "")


def test_a_key_is_rotated_and_revoked(demo_system: LocalSystem) -> None:
    api_keys(demo_system, "create", "rotating", "--scopes", "users:read")
    (old_id,) = [
        line.split()[0]
        for line in api_keys(demo_system, "list").stdout.splitlines()
        if "rotating" in line
    ]

    new = api_keys(demo_system, "rotate", old_id).stdout.strip()
    assert status(demo_system, new, "/api/users") == 200
    assert api_keys(demo_system, "revoke", old_id).returncode == 0

    lines = [
        line for line in api_keys(demo_system, "list").stdout.splitlines() if "rotating" in line
    ]
    assert sorted(line.split()[2] for line in lines) == ["disabled", "holds"]
    again = api_keys(demo_system, "rotate", old_id)
    assert (again.returncode, "disabled" in again.stderr) == (1, True)


def test_a_revoked_key_that_no_environment_remembers_is_refused_at_once(
    demo_system: LocalSystem,
) -> None:
    key = api_keys(demo_system, "create", "leaving", "--scopes", "catalog:read").stdout.strip()
    (id,) = [
        line.split()[0]
        for line in api_keys(demo_system, "list").stdout.splitlines()
        if "leaving" in line
    ]
    api_keys(demo_system, "revoke", id)

    assert status(demo_system, key, "/api/products") == 401


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "jwt ada", "--scopes", "catalog:read"), "letters, digits and .@+-_ alone"),
        (
            ("create", "x", "--scopes", "everything"),
            "there is no scope everything; there are catalog:read",
        ),
        (("create", "x", "--scopes", "catalog:read", "--days", "0"), "at least 1"),
        (("revoke", "ffff"), "no keys have an id that starts with 'ffff'"),
    ],
)
def test_what_cannot_be_done_is_said(
    demo_system: LocalSystem, arguments: tuple[str, ...], told: str
) -> None:
    answer = api_keys(demo_system, *arguments)

    assert (answer.returncode != 0, "Traceback" in answer.stderr) == (True, False)
    assert told in answer.stderr


def test_without_a_deployment_or_a_running_system_it_says_so() -> None:
    """By the command that is typed."""
    answer = subprocess.run(
        [sys.executable, str(ROOT / "scripts/api_keys.py"), "list", "--state", "/nowhere"],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/shared'}", "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (answer.returncode, answer.stderr.splitlines()) == (
        1,
        ["api_keys: name a --stack or a --table, or start the local system (make run)"],
    )
