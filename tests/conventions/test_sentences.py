"""Sentences of the documents are short: CONTRIBUTING.md, "Plain words"."""

import subprocess
from pathlib import Path

import pytest

from tests.fixtures.prose import length, sentences

ROOT = Path(__file__).parents[2]
MAX_WORDS = 25
# Programs write these: figures, first sentences of modules, parameters and targets.
WRITTEN_BY_PROGRAMS = (
    "benchmarks/results.md",
    "docs/modules.md",
    "docs/reference/commands.md",
    "docs/reference/settings.md",
)
NOT_OURS = "LICENSES.md"


def documents() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [
        path
        for path in listed
        if path not in WRITTEN_BY_PROGRAMS
        and not path.endswith(NOT_OURS)
        and (ROOT / path).exists()
    ]


@pytest.mark.parametrize("path", documents())
def test_sentences_have_at_most_25_words(path: str) -> None:
    long = [
        f"{length(sentence)} words: {sentence}"
        for sentence in sentences((ROOT / path).read_text())
        if length(sentence) > MAX_WORDS
    ]

    assert long == []


def test_long_sentence_is_found_in_each_kind_of_block() -> None:
    words = "word " * 26

    assert [length(s) for s in sentences(f"- {words.strip()}.\n")] == [26]
    assert max(length(s) for s in sentences(f"| a | {words} |\n")) == 26
    assert max(length(s) for s in sentences(f"```\n{words}\n```\ntext\n")) == 1
    assert [length(s) for s in sentences("One `a`, `b` and `c`. Two words\nmore: yes.\n")] == [
        2,
        3,
        1,
    ]
