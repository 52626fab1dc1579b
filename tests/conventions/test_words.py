"""The code and all documents do not use words that make readers stop.

CONTRIBUTING.md has the rules of plain words; `docs/glossary.md` has the terms that Sluice defines.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTEAD = {
    "anew": "again",
    "doorway": "proxy",
    "leash": "parent death signal",
    "mend": "fix",
    "mended": "fixed",
    "nobody": "name the actor",
    "of ours": "our, or name it",
    "parachute": "fallback",
    "somebody": "name the actor",
    "told": "name who says what",
    "whoever": "name the actor",
    "whom": "name the actor",
}
IN_DOCUMENTS = INSTEAD | {
    "anybody": "name the actor",
    "bears": "accepts, carries",
    "everybody": "all clients, all users",
    "mends": "fixes",
    "tells": "says, shows, reports",
}
WORD = re.compile(rf"(?<![A-Za-z])({'|'.join(INSTEAD)})(?![A-Za-z])", re.IGNORECASE)
FOLDERS = (
    "layers",
    "functions",
    "catalog",
    "local",
    "scripts",
    "testing",
    "tests",
    "benchmarks",
    "events",
)
PAGES = (
    "Makefile",
    "cdn.yaml",
    "*.md",
    "openapi.json",
    "samconfig.toml",
    "template.yaml",
)
NOT_OURS = (".gz", "requirements.txt", "LICENSES.md", "tests/conventions/test_words.py")
IN_DOCUMENT = re.compile(rf"(?<![A-Za-z])({'|'.join(IN_DOCUMENTS)})(?![A-Za-z])", re.IGNORECASE)
ALLOWED = {"local/binaries.py": {"nobody"}}  # the name of an operating system account


def texts() -> Iterator[str]:
    listed = subprocess.run(
        ["git", "ls-files", *FOLDERS, *PAGES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    yield from (path for path in listed.stdout.split() if not path.endswith(NOT_OURS))


@pytest.mark.parametrize("path", list(texts()))
def test_words_that_have_a_plain_one(path: str) -> None:
    pattern = IN_DOCUMENT if path.endswith(".md") else WORD
    found = [
        f"{path}:{number}: {word!r}: {IN_DOCUMENTS[word.lower()]}"
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        for word in pattern.findall(line)
        if word.lower() not in ALLOWED.get(path, set())
    ]

    assert found == []
