"""The commands of README and of two other pages print the documented output."""

import re
import subprocess
from pathlib import Path

import pytest

from testing.local_system import LocalSystem

NAMES = ("README.md", "docs/graphql.md", "docs/how-to/clients.md")
PAGES = [Path(__file__).parents[3] / name for name in NAMES]
EXAMPLE = re.compile(r"^\$ (.+)\n((?:(?!\$ |```).+\n)+)", re.MULTILINE)


def examples(page: Path) -> list[tuple[str, str]]:
    """Return (command, output) of each curl command in the page's console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)
    return [
        pair for block in blocks for pair in EXAMPLE.findall(block) if pair[0].startswith("curl ")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_print_the_documented_output(demo_system: LocalSystem, page: Path) -> None:
    """`…` matches anything. The commands run in order, because later ones build on earlier ones."""
    assert examples(page)
    base_url = demo_system.local_json["base_url"]
    for command, expected in examples(page):
        response = subprocess.run(  # noqa: S602  README's own text
            command.replace("http://127.0.0.1:3000", base_url),
            shell=True,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        pattern = ".*?".join(re.escape(part) for part in expected.strip().split("…"))
        assert re.fullmatch(pattern, response.strip(), re.DOTALL), f"{command}\n{response}"
