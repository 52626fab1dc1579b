"""README's commands, typed into a shell beside a running system, answer what README says they do."""

import re
import subprocess
from pathlib import Path

from tests.fixtures.system import System

README = (Path(__file__).parents[2] / "README.md").read_text()
EXAMPLE = re.compile(r"^\$ (.+)\n((?:(?!\$ |```).+\n)+)", re.MULTILINE)


def examples() -> list[tuple[str, str]]:
    """(command, what it prints) of every console block."""
    return [pair for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) for pair in EXAMPLE.findall(block)]


def test_every_example_answers_as_written(demo_shop: System) -> None:
    """`…` stands for anything. In the order they are written: a walk builds on its own steps."""
    assert len(examples()) >= 5
    base_url = demo_shop.published["base_url"]
    for command, told in examples():
        answer = subprocess.run(  # noqa: S602  README's own text
            command.replace("http://127.0.0.1:3000", base_url),
            shell=True,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        pattern = ".*?".join(re.escape(part) for part in told.strip().split("…"))
        assert re.fullmatch(pattern, answer.strip(), re.DOTALL), f"{command}\n{answer}"
