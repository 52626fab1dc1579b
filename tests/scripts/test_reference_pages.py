"""README's figures are those of benchmarks/results.md, and the reference lists what there is."""

import re

import pytest

from scripts.reference_pages import FIGURES, REFERENCE, figures
from tests.fixtures.template import ROOT, source_template

RESULTS = """# Results

## Warm (2 rounds)

| | GET one, 0 ms | GET one, 1 ms | list 100, 1 ms | POST order, 1 ms |
| --- | ---: | ---: | ---: | ---: |
| Sluice | 1 | 2 | 3 | 4 |
| peer | 5 | 6 (3x) | 7 | 8 |

## Cold

| | first answer | import |
| --- | ---: | ---: |
| Sluice | 9 | 1 |
| peer | 10 (1.1x) | 1 |
| another | 11 | 1 |
"""


def test_readme_has_the_measured_figures() -> None:
    found = FIGURES.findall((ROOT / "README.md").read_text())

    assert found == [figures((ROOT / "benchmarks/results.md").read_text())], "run: make derive"
    assert found[0].count("\n") >= 4


def test_figures_are_columns_of_two_tables() -> None:
    _, _, *rows = figures(RESULTS).splitlines()

    assert rows == ["| Sluice | 2 | 3 | 4 | 9 |", "| peer | 6 (3x) | 7 | 8 | 10 (1.1x) |"]


def test_figures_are_found_in_a_table_for_each_distance() -> None:
    tables = """## Warm (2 rounds)

At 0 ms:

| | GET one | list 100 | POST order |
| --- | ---: | ---: | ---: |
| Sluice | 1 | 1 | 1 |

At 1 ms:

| | GET one | list 100 | POST order |
| --- | ---: | ---: | ---: |
| Sluice | 2 | 3 | 4 |

## Cold"""
    page = f"# Results\n\n{tables}{RESULTS.partition('## Cold')[2]}"

    assert figures(page).splitlines()[2:] == ["| Sluice | 2 | 3 | 4 | 9 |"]


@pytest.mark.parametrize("missing", ["list 100, 1 ms", "first answer"])
def test_missing_figure_is_an_error(missing: str) -> None:
    with pytest.raises(KeyError):
        figures(RESULTS.replace(missing, "other"))


def test_readme_has_no_other_figures() -> None:
    text = FIGURES.sub("", (ROOT / "README.md").read_text())

    assert (
        re.findall(r"[\d.,]+ (?:times|requests|rows|orders) ?(?:a second|as)|[\d.]+x", text) == []
    )


def test_settings_page_has_each_parameter() -> None:
    page = (REFERENCE / "settings.md").read_text()

    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    grouped = source_template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert listed == {name for group in grouped for name in group["Parameters"]}
    assert len(listed) > 50
