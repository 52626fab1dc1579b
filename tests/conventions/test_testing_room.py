"""testing/ has what tests and benchmarks share. It needs no test, and the product needs neither."""

import ast
from collections.abc import Iterator

import pytest

from tests.conventions.applications import ROOT

OUTSIDE = ("testing", "tests", "benchmarks")
PRODUCT = ("layers", "functions", "catalog", "local", "scripts")


def imported(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the modules of a folder with the first name of each module that they import."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            yield from ((str(path.relative_to(ROOT)), name.partition(".")[0]) for name in names)


@pytest.mark.parametrize("folder", PRODUCT)
def test_product_imports_no_program_of_tests(folder: str) -> None:
    found = [
        (path, name)
        for path, name in imported(folder)
        if name in ("testing", "tests", "benchmarks")
    ]

    assert found == []


@pytest.mark.parametrize("folder", ["testing", "benchmarks"])
def test_shared_programs_and_benchmarks_import_no_test(folder: str) -> None:
    assert [(path, name) for path, name in imported(folder) if name == "tests"] == []
