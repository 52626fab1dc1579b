"""Lists look alike on GitHub and in the site of `make docs`, whose parsers differ.

Python-Markdown needs four spaces before a block in a list item, and an empty line before a list.
Otherwise the numbers of a list begin again at 1, or a list becomes a part of the paragraph above.
"""

import re

import pytest

from tests.conventions.test_links import FENCED, ROOT, documents

ITEM = re.compile(r" *(?:[-*+]|\d{1,2}\.) ")
SHORT_INDENT = re.compile(r" {1,3}(?! )")


def without_code(text: str) -> list[str]:
    """Return the lines of a page. Of a code block only the first line is left."""
    return FENCED.sub(lambda block: block[0].splitlines()[0], text).splitlines()


def faults(text: str) -> list[str]:
    """Return the lines that the two parsers read differently."""
    found = []
    previous = ""
    in_item = False
    in_nested_paragraph = False
    for line in without_code(text):
        is_item = ITEM.match(line) is not None
        is_block = is_item or not previous or line.lstrip().startswith("```")
        if SHORT_INDENT.match(line) and is_block:
            found.append(f"four spaces: {line}")
        if is_item and previous and (not in_item or in_nested_paragraph):
            found.append(f"an empty line before: {line}")
        in_item = is_item or (in_item and (not line or line.startswith(" ")))
        if not previous or not line:
            in_nested_paragraph = line.startswith("    ") and not is_item
        previous = line.strip()
    return found


@pytest.mark.parametrize("path", documents())
def test_lists_are_read_alike(path: str) -> None:
    assert faults((ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1. a\n\n   ```sh\n   b\n   ```\n2. c\n", 1),
        ("- a\n  - b\n", 1),
        ("text\n- a\n", 1),
        ("1. a\n\n    text\n    more\n2. c\n", 1),
        ("1. a\n\n    ```sh\n    b\n    ```\n\n2. c\n   more\n", 0),
        ("- a\n  more\n- b\n    - c\n\ntext\n", 0),
    ],
)
def test_lists_that_are_read_differently_are_found(text: str, number: int) -> None:
    assert len(faults(text)) == number
