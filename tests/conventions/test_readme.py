"""README's commands, typed into a shell beside a running system, answer what README says they do."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.local_system import LocalSystem

PAGES = [Path(__file__).parents[2] / name for name in ("README.md", "docs/graphql.md")]
EXAMPLE = re.compile(r"^\$ (.+)\n((?:(?!\$ |```).+\n)+)", re.MULTILINE)


def examples(page: Path) -> list[tuple[str, str]]:
    """(command, what it prints) of every console block that asks the running system."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)
    return [
        pair for block in blocks for pair in EXAMPLE.findall(block) if pair[0].startswith("curl ")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_answers_as_written(demo_system: LocalSystem, page: Path) -> None:
    """`…` stands for anything. In the order they are written: a walk builds on its own steps."""
    assert len(examples(page)) >= 5
    base_url = demo_system.local_json["base_url"]
    for command, told in examples(page):
        answer = subprocess.run(  # noqa: S602  README's own text
            command.replace("http://127.0.0.1:3000", base_url),
            shell=True,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        pattern = ".*?".join(re.escape(part) for part in told.strip().split("…"))
        assert re.fullmatch(pattern, answer.strip(), re.DOTALL), f"{command}\n{answer}"
