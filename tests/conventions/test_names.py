"""Names and docstrings: short test names, unique class names, no packed constants."""

import ast
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(
    ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split()
PRODUCT = ("layers/", "functions/", "local/", "scripts/")
CODE = (*PRODUCT, "benchmarks/", "testing/")

MAX_TEST_NAME = 60
MEDIAN_TEST_NAME = 40

# Class names that are defined more than once, with the reason.
PEER = "the ORM models of a peer in the benchmarks have the tables' names"
DUPLICATES = {
    "Field": "sluice/graph/part.py has a field of GraphQL, until that part is derived",
    "Base": PEER,
    "Category": PEER,
    "Inventory": PEER,
    "Order": PEER,
    "OrderItem": PEER,
    "Product": PEER,
    "Query": PEER,
    "User": PEER,
    "Client": "the class of generated clients, and the one that calls handlers in tests",
    "Clock": "each module has its own fake clock",
    "Handler": "the nested HTTP handlers of test servers",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@cache
def trees() -> dict[str, ast.Module]:
    """Return the syntax tree of each file. They are read by the tests, not by the collection."""
    paths = {name: ROOT / name for name in TRACKED}
    return {name: ast.parse(path.read_text()) for name, path in paths.items() if path.exists()}


def nodes(prefixes: tuple[str, ...] = ("",)) -> Iterator[tuple[str, ast.AST]]:
    """Yield each file's name with each node of its tree."""
    for name, tree in trees().items():
        if name.startswith(prefixes):
            for node in ast.walk(tree):
                yield name, node


def where(name: str, node: ast.AST) -> str:
    return f"{name}:{getattr(node, 'lineno', 0)}"


def test_test_names_are_short() -> None:
    names = [
        node.name
        for _, node in nodes(("tests/",))
        if isinstance(node, Function) and node.name.startswith("test_")
    ]

    assert [name for name in names if len(name) > MAX_TEST_NAME] == []
    assert statistics.median(map(len, names)) <= MEDIAN_TEST_NAME


def test_class_names_are_unique() -> None:
    places = defaultdict(list)
    for name, node in nodes():
        if isinstance(node, ast.ClassDef):
            places[node.name].append(where(name, node))
    duplicates = {name: found for name, found in places.items() if len(found) > 1}

    assert {name: found for name, found in duplicates.items() if name not in DUPLICATES} == {}
    assert DUPLICATES.keys() - places.keys() == set(), "no longer defined: remove them"


def test_docstrings_ask_no_question() -> None:
    questions = []
    for name, node in nodes():
        if isinstance(node, ast.Module | ast.ClassDef | Function):
            first_paragraph = (ast.get_docstring(node) or "").split("\n\n")[0]
            first_sentence = first_paragraph.split(". ")[0]
            if first_sentence.rstrip().endswith("?"):
                questions.append(where(name, node))

    assert questions == []


def test_constants_are_not_packed() -> None:
    packed = []
    for name, tree in trees().items():
        if not name.startswith(CODE):
            continue
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        for statement in (each for scope in (tree, *classes) for each in scope.body):
            if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Tuple):
                continue
            if any(isinstance(target, ast.Tuple) for target in statement.targets):
                packed.append(where(name, statement))

    assert packed == []


@pytest.mark.parametrize("prefix", PRODUCT)
def test_conditionals_contain_no_comprehension(prefix: str) -> None:
    nested = [
        where(name, node)
        for name, node in nodes((prefix,))
        if isinstance(node, ast.IfExp)
        and any(
            isinstance(part, Comprehension)
            for side in (node.body, node.test, node.orelse)
            for part in ast.walk(side)
        )
    ]

    assert nested == []
