"""The commands for API keys, against the running system."""

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
from testing.copied_repository import SET_BY_MAKE
from testing.local_system import LocalSystem

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class CommandResult:
    returncode: int
    stdout: str
    stderr: str


def api_keys(system: LocalSystem, *arguments: str) -> CommandResult:
    """Run the command in this process, because a new interpreter needs a second to load boto3."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([*arguments, "--state", str(system.home / "state")])
        except SystemExit as exit:  # of argparse
            code = int(exit.code or 0)
    return CommandResult(code, out.getvalue(), err.getvalue())


def status(system: LocalSystem, key: str, path: str) -> int:
    request = urllib.request.Request(  # noqa: S310
        system.local_json["base_url"] + path, headers={"X-API-Key": key}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_created_key_works_and_is_shown_once(demo_system: LocalSystem) -> None:
    created = api_keys(
        demo_system,
        "create",
        "shop-frontend",
        "--scopes",
        "catalog:read,orders:write",
        "--days",
        "30",
    )
    key = created.stdout.strip()

    assert (created.returncode, created.stderr, key.startswith("sluice_"), len(key)) == (
        0,
        "",
        True,
        50,
    )
    assert status(demo_system, key, "/api/products") == 200
    assert status(demo_system, key, "/api/orders") == 403
    listed = api_keys(demo_system, "list").stdout
    assert key not in listed
    assert "shop-frontend            valid     expires 20" in listed
    assert "catalog:read,orders:write" in listed


def test_make_key_prints_only_the_key(demo_system: LocalSystem) -> None:
    shell = {name: value for name, value in os.environ.items() if name not in SET_BY_MAKE}
    environment = {**shell, "SLUICE_STATE": str(demo_system.home / "state")}
    command = [
        "make",
        "key",
        "SCOPES=catalog:read orders:read",
        "TENANT=acme & sons",
        "CLIENT=tenants-own",
    ]
    created = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert created.stdout.startswith("sluice_")
    assert len(created.stdout) == 51
    assert status(demo_system, created.stdout.strip(), "/api/orders") == 200
    (line,) = [
        line for line in api_keys(demo_system, "list").stdout.splitlines() if "tenants-own" in line
    ]
    assert line.endswith("catalog:read,orders:read  tenant acme & sons")
    api_keys(demo_system, "rotate", line.split()[0])
    assert api_keys(demo_system, "list").stdout.count("tenant acme & sons") == 2
    empty = api_keys(demo_system, "create", "empty", "--scopes", "catalog:read", "--tenant", " ")
    assert (empty.returncode, empty.stdout) == (1, "")


def test_key_is_rotated_and_revoked(demo_system: LocalSystem) -> None:
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
    assert sorted(line.split()[2] for line in lines) == ["disabled", "valid"]
    again = api_keys(demo_system, "rotate", old_id)
    assert (again.returncode, "disabled" in again.stderr) == (1, True)


def test_uncached_revoked_key_is_rejected(demo_system: LocalSystem) -> None:
    key = api_keys(demo_system, "create", "leaving", "--scopes", "catalog:read").stdout.strip()
    (id,) = [
        line.split()[0]
        for line in api_keys(demo_system, "list").stdout.splitlines()
        if "leaving" in line
    ]
    api_keys(demo_system, "revoke", id)

    assert status(demo_system, key, "/api/products") == 401


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "jwt ada", "--scopes", "catalog:read"), "only letters, digits and .@+-_"),
        (
            ("create", "x", "--scopes", "everything"),
            "there is no scope everything; there are *:read, *:write, catalog:read",
        ),
        *(
            (("create", "x", "--scopes", "catalog:read", "--days", days), "a number of days")
            for days in ("0", "-1", "1.5", "year", "100000000000000")
        ),
        (("revoke", "ffff"), "no keys have an id that starts with 'ffff'"),
    ],
)
def test_usage_error_is_reported(
    demo_system: LocalSystem, arguments: tuple[str, ...], message: str
) -> None:
    result = api_keys(demo_system, *arguments)

    assert (result.returncode != 0, "Traceback" in result.stderr) == (True, False)
    assert message in result.stderr


def test_missing_target_is_reported() -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "scripts/api_keys.py"), "list", "--state", "/nowhere"],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/shared'}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    message = "api_keys: name a --stack or a --table, or start the local system (make run)"
    assert (result.returncode, result.stderr.splitlines()) == (1, [message])
