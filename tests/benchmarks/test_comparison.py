"""docs/comparison.md has the figures of benchmarks/results.md."""

import re
from pathlib import Path

import pytest

from benchmarks import page as pages
from benchmarks.adopted import PAGES, Timings, table
from benchmarks.page import RESULTS
from benchmarks.studies.__main__ import STUDIES

OF_A_RUN = {"run", "goals", "warm", "cold", "tls", "graphql", "orders", "products", "tenants"}
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


def test_section_is_replaced_and_others_are_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- /a -->\n<!-- b -->\nkept\n<!-- /b -->\n")

    pages.write(page, {"a": [r"new \1"]})

    expected = "before\n<!-- a -->\nnew \\1\n<!-- /a -->\n<!-- b -->\nkept\n<!-- /b -->\n"
    assert page.read_text() == expected


def test_new_section_is_added_at_the_end(tmp_path: Path) -> None:
    page = tmp_path / "page.md"

    pages.write(page, {"a": ["one"]})
    pages.write(page, {"b": ["two"]})

    assert page.read_text() == "<!-- a -->\none\n<!-- /a -->\n\n<!-- b -->\ntwo\n<!-- /b -->\n"


def test_results_have_a_section_for_each_command() -> None:
    studies = {*STUDIES}
    found = set(re.findall(r"<!-- ([a-z-]+) -->", RESULTS.read_text()))

    assert found == studies | OF_A_RUN | {"chinook"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_has_both_tables(page: Path) -> None:
    assert [name for name, _ in FIGURES.findall(page.read_text())] == ["chinook", "products"]
