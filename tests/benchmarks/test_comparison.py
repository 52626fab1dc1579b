"""docs/comparison.md has the figures of benchmarks/results.md."""

import re
from pathlib import Path

import pytest

from benchmarks.adopted import PAGES, Timings, replace, table

FIGURES = re.compile(r"<!-- (chinook|products) -->\n(.*?)<!-- /\1 -->", re.DOTALL)


def test_comparison_has_the_measured_figures() -> None:
    results, comparison = (dict(FIGURES.findall(page.read_text())) for page in PAGES)

    assert comparison == results
    assert all(text.startswith("| ms |") for text in results.values())


def test_ratio_is_that_within_a_round() -> None:
    ours = {"GET one": Timings([1.0, 10.0, 4.0], [1.0, 1.0, 1.0])}
    theirs = {"GET one": Timings([2.0, 20.0, 4.0], [1.5, 1.5, 1.5])}

    lines = table({"ours": ours, "theirs": theirs}, "ours")

    assert lines[-1] == "| theirs | 4.00 (2.00x) | 1.50 (1.50x) |"


def test_figures_are_replaced_between_their_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nafter\n")

    replace(page, "a", ["new"])

    assert page.read_text() == "before\n<!-- a -->\nnew\n<!-- /a -->\nafter\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_has_both_tables(page: Path) -> None:
    assert [name for name, _ in FIGURES.findall(page.read_text())] == ["chinook", "products"]
