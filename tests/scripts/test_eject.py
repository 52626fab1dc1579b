"""`make eject` in a copy of the repository: its files, its output, and what it refuses."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.copied_repository import check_types, copy_of_repository, run

EJECT = (".venv/bin/python", "-m", "scripts.eject", "deals")
FILES = ("tests/apps/agency/deals_sql.py", "tests/apps/agency/routes/deals.py")
LINES = re.compile(r"^  - (?P<before>.*)\n(?P<after>(?:  \+ .*\n)+)", re.MULTILINE)
SUITES = ("test_crud", "test_conditional", "test_idempotency", "test_lists", "test_round_trips")


@pytest.fixture(name="ejected", scope="module")
def a_copy_with_ejected_deals() -> Iterator[tuple[Path, str]]:
    """A copy in which deals are ejected and the printed lines are changed, and the output."""
    with copy_of_repository() as folder:
        output = run(folder, *EJECT, SLUICE_APP="agency")
        declaration = folder / "tests/apps/agency/deals.py"
        text = declaration.read_text()
        for match in LINES.finditer(output):
            assert match["before"] in text
            text = text.replace(match["before"], match["after"].replace("  + ", "").rstrip())
        declaration.write_text(text)
        run(folder, ".venv/bin/python", "-m", "scripts.derive", SLUICE_APP="agency")
        yield folder, output


def test_output_names_files_and_what_stays_derived(ejected: tuple[Path, str]) -> None:
    folder, output = ejected

    assert all(f"{name}: " in output and (folder / name).is_file() for name in FILES)
    assert "Still derived" in output
    assert "imports" in output


def test_ejected_files_pass_the_checks(ejected: tuple[Path, str]) -> None:
    folder, _ = ejected

    run(folder, ".venv/bin/ruff", "format", "--check", *FILES)
    run(folder, ".venv/bin/ruff", "check", *FILES)
    check_types(folder, "--explicit-package-bases", *FILES, MYPYPATH="tests/apps")


def test_second_run_is_refused(ejected: tuple[Path, str]) -> None:
    folder, _ = ejected
    before = [(folder / name).read_text() for name in FILES]

    output = run(folder, *EJECT, code=1, SLUICE_APP="agency")

    assert output == f"{FILES[0]} exists, and is not overwritten: deals is ejected already\n"
    assert [(folder / name).read_text() for name in FILES] == before


def test_unknown_resource_is_refused(ejected: tuple[Path, str]) -> None:
    folder, _ = ejected

    output = run(folder, *EJECT[:-1], "dealz", code=1, SLUICE_APP="agency")

    assert output.startswith("there is no resource 'dealz' in agency; there are: ")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_suites_pass_on_ejected_code(ejected: tuple[Path, str]) -> None:
    folder, _ = ejected
    suites = [f"tests/suites/{name}.py" for name in SUITES]

    output = run(
        folder,
        ".venv/bin/python",
        "-m",
        "pytest",
        "-q",
        "-k",
        "deals",
        *suites,
        SLUICE_APP="agency",
    )

    assert "[100%]" in output  # some tests ran, and none failed
