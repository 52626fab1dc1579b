"""The commands of how-to pages print the documented output, in one shell and in their order."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testing.local_system import LocalSystem, temporary_system
from tests.fixtures.page_runner import DOCUMENTED_URL, ROOT, check, commands_of

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


def blocks_of(page: str, language: str, base_url: str) -> str:
    """Return the code blocks of a language, as one program against the running system."""
    text = (HOW_TO / f"{page}.md").read_text().replace(DOCUMENTED_URL, base_url)
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("language", ["python", "js"])
def test_program_of_the_page_reads_every_row(
    language: str, demo_system: LocalSystem, tmp_path: Path
) -> None:
    if language == "js" and not shutil.which("node"):
        pytest.skip("the JavaScript example needs Node.js")
    base_url = demo_system.local_json["base_url"]
    program = tmp_path / {"python": "rows.py", "js": "rows.mjs"}[language]
    program.write_text(blocks_of("pagination", language, base_url))
    total = demo_system.request("/api/products?include_total=true")[1]["pagination"]["total"]

    command = [sys.executable if language == "python" else "node", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert total > 100  # more than one page
    assert len(done.stdout.splitlines()) == total


def test_request_of_a_page_in_a_browser_is_answered(
    demo_system: LocalSystem, tmp_path: Path
) -> None:
    if not shutil.which("node"):
        pytest.skip("the JavaScript example needs Node.js")
    program = tmp_path / "page.mjs"
    program.write_text(blocks_of("browser", "js", demo_system.local_json["base_url"]))

    done = subprocess.run(
        ["node", str(program)], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "1\n"


def test_statements_of_the_page_run_in_psql(demo_system: LocalSystem) -> None:
    statements = blocks_of("psql", "sql", demo_system.local_json["base_url"])
    environment = {**os.environ, "SLUICE_STATE": str(demo_system.home / "state"), "PAGER": "cat"}

    done = subprocess.run(
        [sys.executable, "-m", "local", "psql", "-v", "ON_ERROR_STOP=1"],
        cwd=ROOT,
        env=environment,
        input=statements,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert "products_pkey" in done.stdout
