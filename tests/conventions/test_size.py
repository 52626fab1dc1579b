"""Limits for the size of modules and functions, and rules for tests."""

import ast
import re
import statistics
from pathlib import Path

from tests.conventions.applications import APPLICATIONS

ROOT = Path(__file__).parents[2]
CODE = [
    path
    for folder in (
        "layers/shared/sluice",
        *APPLICATIONS.values(),
        "functions",
        "catalog",
        "local",
        "scripts",
        "benchmarks",
        "testing",
    )
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "versions" not in path.parts and path.name != "registry.py"  # which is derived
]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def functions_of(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_modules_are_short() -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in CODE}

    assert {str(path): size for path, size in sizes.items() if size > 400} == {}
    assert statistics.median(sizes.values()) <= 130


def test_functions_are_short() -> None:
    long = {
        f"{path.name}:{f.name}": length(f)
        for path in CODE
        for f in functions_of(path)
        if length(f) > 60
    }

    assert long == {}


def test_route_functions_are_short() -> None:
    routes = [
        f for path in CODE if path.match("functions/*/handler.py") for f in functions_of(path)
    ]

    assert {f.name: length(f) for f in routes if length(f) > 18} == {}


def test_tests_patch_nothing() -> None:
    forbidden = re.compile(
        r"(?<!def )(?<![\w.])patch\(|mock\.patch|\bmocker\b|monkeypatch\.setattr"
    )

    assert [
        str(path) for path in TESTS if path != Path(__file__) and forbidden.search(path.read_text())
    ] == []


def test_tests_do_not_sleep() -> None:
    """Fixtures poll with a deadline; tests do not sleep."""
    sleepers = [
        f"{path.name}:{f.name}"
        for path in TESTS
        for f in functions_of(path)
        if f.name.startswith("test_")
        for node in ast.walk(f)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
    ]

    assert sleepers == []


def test_test_functions_are_short() -> None:
    long = {
        f"{path.name}:{f.name}": length(f)
        for path in TESTS
        for f in functions_of(path)
        if f.name.startswith("test_") and length(f) > 40
    }

    assert long == {}
