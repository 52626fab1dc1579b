"""The examples of docs/overrides.md are code of the files that the page names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "overrides.md").read_text()
BLOCK = re.compile(r"^```(?:python|graphql)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`(tests/apps/sample/[\w/]+\.(?:py|graphql))`")


def examples() -> list[tuple[str, str]]:
    """Return each code block with the file that the text before it named last."""
    return [(FILE.findall(PAGE[: block.start()])[-1], block[1]) for block in BLOCK.finditer(PAGE)]


@pytest.mark.parametrize(("path", "block"), examples())
def test_example_is_code_of_the_file(path: str, block: str) -> None:
    """`…` in a line of its own stands for lines that are left out."""
    text = (ROOT / path).read_text()
    position = 0
    for part in re.split(r"^…\n", block, flags=re.MULTILINE):
        found = text.find(f"\n{part}", position)
        assert found >= 0, f"{path} has not, or not in this order:\n{part}"
        position = found + len(part)


def test_page_has_an_example_of_each_part() -> None:
    assert len(examples()) >= 10
