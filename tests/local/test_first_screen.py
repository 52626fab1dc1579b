"""What `make run` prints when it is ready: each address and the request work as printed."""

import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest

from testing.local_system import LocalSystem, temporary_system

ESCAPE = "\x1b["


@pytest.fixture(scope="module")
def home_of_system() -> Iterator[LocalSystem]:
    """A system whose database exists already."""
    with temporary_system(SLUICE_SEED="") as system:
        system.start()
        _, out, _ = system.stop()
        assert re.search(r"first start +creates a database in \S+: a few seconds", out)
        yield system


@pytest.mark.parametrize(
    ("variable", "value", "coloured"),
    [("TERM", "xterm", True), ("NO_COLOR", "1", False), ("TERM", "dumb", False)],
)
def test_colours_are_for_terminals(
    home_of_system: LocalSystem, variable: str, value: str, coloured: bool
) -> None:
    reader, terminal = os.openpty()
    environ = {
        "PATH": os.environ["PATH"],
        "SLUICE_STATE": str(home_of_system.home / "state"),
        "PORT": "0",
        "TERM": "xterm",
        variable: value,
    }
    command = [sys.executable, "-m", "local"]
    with subprocess.Popen(command, env=environ, stdout=terminal) as process:
        os.close(terminal)
        screen = b""
        while b"Ctrl-C" not in screen:
            screen += os.read(reader, 65536)
        process.terminate()
        with suppress(OSError):  # Linux's answer after the last process has closed the terminal
            while os.read(reader, 65536):
                pass
    os.close(reader)

    assert "is ready at" in screen.decode()
    assert "first start" not in screen.decode()
    assert (ESCAPE in screen.decode()) is coloured


def test_addresses_and_request_work_as_printed(home_of_system: LocalSystem) -> None:
    home_of_system.start()
    url = home_of_system.local_json["base_url"]
    pages = [f"{url}/docs", f"{url}/graphiql", f"{url}/console"]
    for page in (url, *pages):
        with urllib.request.urlopen(page, timeout=30) as response:  # noqa: S310 - its own pages
            assert response.headers["Content-Type"].startswith("text/html")
    rows = home_of_system.request("/api/products?limit=3")
    _, out, _ = home_of_system.stop()

    assert ESCAPE not in out
    assert f"is ready at {url} " in out
    assert re.findall(r"^  (?:REST|GraphQL|console) +(\S+)$", out, re.MULTILINE) == pages
    request = re.search(r"^  try +(curl .*)$", out, re.MULTILINE)
    assert request
    sent = shlex.split(request[1])
    assert sent == ["curl", "-H", "X-API-Key: local-admin", f"{url}/api/products?limit=3"]
    assert rows[0] == 200
    assert len(rows[1]["data"]) == 3
    assert "make adopt FROM=postgresql://…" in out
    assert re.search(r"^  stop +Ctrl-C$", out, re.MULTILINE)
