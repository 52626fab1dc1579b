"""The commands of how-to pages print the documented output, in one shell and in their order."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testing.local_system import LocalSystem, temporary_system
from tests.fixtures.page_runner import ROOT, check, commands_of

HOW_TO = ROOT / "docs" / "how-to"
ON_DEMO_SHOP = ("api-keys", "browser", "debugger", "pagination", "psql")
STARTS = re.compile(r"make (run|issuer)( .*)?")
ISSUER = re.compile(r"The issuer is (http://127\.0\.0\.1:(\d+)), the audience sluice\.")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout, by links, so that commands may write files."""
    for entry in ROOT.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


@pytest.mark.parametrize("name", ON_DEMO_SHOP)
def test_page_prints_the_documented_output(
    name: str, checkout: Path, demo_system: LocalSystem
) -> None:
    commands = commands_of(HOW_TO / f"{name}.md")
    assert len(commands) >= 2
    check(commands, checkout, demo_system.home / "state", demo_system.local_json["base_url"])


@contextmanager
def running_issuer(state: Path) -> Iterator[tuple[str, str]]:
    """Run the local issuer on a free port. Yield its URL and its port."""
    process = subprocess.Popen(
        [sys.executable, "scripts/local_issuer.py", "serve", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "SLUICE_STATE": str(state)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            started = ISSUER.match(process.stdout.readline())
            assert started is not None
            yield started[1], started[2]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def test_token_of_a_local_issuer_is_accepted(checkout: Path) -> None:
    commands = [c for c in commands_of(HOW_TO / "jwt.md") if not STARTS.fullmatch(c.text)]
    assert len(commands) >= 3
    with (
        temporary_system(SLUICE_SEED="") as system,
        running_issuer(system.home / "state") as (url, port),
    ):
        system.start("--set", f"JwtIssuer={url}", "--set", "JwtAudience=sluice")
        base_url = system.local_json["base_url"]
        check(commands, checkout, system.home / "state", base_url, ISSUER_PORT=port)
