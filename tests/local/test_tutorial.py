"""A newcomer follows the tutorials in a fresh clone: each command as written, in order.

The clone has the committed files. Installing needs a network, so the clone gets the packages of
this checkout: `.venv` is a link, and the requirements look older than it. Ports are free ones.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from testing.environments import VENV
from tests.fixtures.template import ROOT
from tests.fixtures.tutorial import Newcomer, Step, edit, matches, steps

PAGES = ("docs/tutorial/shop.md", "docs/tutorial/own-tables.md")


@pytest.fixture
def clone() -> Iterator[Path]:
    with TemporaryDirectory(prefix="sluice-clone-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user
        subprocess.run(["git", "clone", "--quiet", ROOT, folder / "sluice"], check=True)
        (folder / "sluice" / ".venv").symlink_to(VENV.resolve())
        for requirements in (folder / "sluice" / "requirements").iterdir():
            os.utime(requirements, (0, 0))
        yield folder / "sluice"


def free_ports(count: int) -> list[str]:
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [str(each.getsockname()[1]) for each in sockets]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("psql") is None, reason="a tutorial uses psql")
def test_newcomer_follows_the_tutorials(clone: Path) -> None:
    ports = dict(zip(("3000", "3001"), free_ports(2), strict=True))

    with Newcomer(clone, ports) as newcomer:
        done = [newcomer.follow(clone / page) for page in PAGES]

    assert min(done) > 10


PAGE = """
```console
$ make run
…ready…
$ echo a
a
$ curl -s x
{"id":…}
```
```diff
--- notes.txt
 one
-two
+three
--- notes.txt
+zero
 one
```
```sql
CREATE TABLE a (b int);
CREATE TABLE c (d int);
```
Press Ctrl-C. <!-- Ctrl-C -->
"""


def test_steps_of_a_page_are_its_commands_edits_and_interrupts() -> None:
    assert steps(PAGE) == [
        Step("command", "make run", "…ready…\n"),
        Step("command", "echo a", "a\n"),
        Step("command", "curl -s x", '{"id":…}\n'),
        Step("edit", "--- notes.txt\n one\n-two\n+three\n"),
        Step("edit", "--- notes.txt\n+zero\n one\n"),
        Step("excerpt", "CREATE TABLE a (b int);"),
        Step("excerpt", "CREATE TABLE c (d int);"),
        Step("interrupt", ""),
    ]
    assert [step.is_server for step in steps(PAGE)][:2] == [True, False]


def test_output_that_is_not_documented_is_no_match() -> None:
    assert matches('{"id":…,"name":"Ada"}\n', '{"id":7,"name":"Ada"}\r\n')
    assert not matches('{"id":…,"name":"Ada"}', '{"id":7,"name":"Bob"}')
    assert not matches("", "an error")


def test_edit_changes_a_place_that_is_there_once(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("one\ntwo\n")

    for step in steps(PAGE):
        if step.kind == "edit":
            edit(tmp_path, step.text)

    assert file.read_text() == "zero\none\nthree\n"
    with pytest.raises(AssertionError, match="stands in it 0x"):
        edit(tmp_path, "--- notes.txt\n-two\n")
