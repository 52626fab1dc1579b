"""The structure of the code: SQL is not split, and rows are read by name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conventions.applications import APPLICATIONS, ROOT

LAYER = ROOT / "layers/shared"
ENGINE = sorted((LAYER / "sluice").rglob("*.py"))
SQL = sorted((LAYER / "sluice/sql").glob("*.py"))
# The modules of the applications; their migrations are not changed any more.
APPS = [
    path
    for folder in APPLICATIONS.values()
    for path in sorted(folder.rglob("*.py"))
    if "migrations" not in path.parts
]
# Functions that only forward, with a reason each.
ADAPTERS = {
    "boolean.py parse": "a kind of field; filters of lists read the same texts",
    "database.py read": "Executor: in a transaction, a read is a statement like a write",
    "deparser.py expression": "chooses the function by the kind of the node",
    "field.py filter_value": "a kind of field may compare in lower case",
    "field.py filter_values": "the same for a list",
    "field.py parse_id": "a kind of key may read less in GraphQL than in a filter",
    "field.py parse_item": "a kind may reject a value of a list that one alone may have",
    "group.py __call__": "the handler that Lambda calls",
    "expression.py constant": "one of a table of methods, by the kind of the node",
    "parser.py __getitem__": "the operator",
    "runner.py run": "the one place that names exec_driver_sql",
    "sqlalchemy_pool.py invalidate": "PooledConnection: the pool has two kinds",
}
# A limit in a text of SQL or in a regular expression: one of the numbers, or a counted repetition.
LIMIT_IN_TEXT = re.compile(
    r"(?<![\w.])(200|10[_,]?000|254|9{9,}(\.99)?|2147483647)(?![\w.])|\{\d+,?\d*\}"
)
FUNCTIONS = sorted((ROOT / "functions").glob("*/*.py"))
# Statements run through Database. Only sqlalchemy_pool.py knows what its connections are.
WITHOUT_SQLALCHEMY = [
    LAYER / "sluice" / name for name in ("db/database.py", "db/replica.py", "runtime.py")
]


def nodes(paths: list[Path]) -> Iterator[tuple[str, ast.AST]]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            line = getattr(node, "lineno", 0)
            yield f"{path.relative_to(ROOT)}:{line}", node


def test_no_sql_is_split() -> None:
    methods = ("split", "rsplit", "partition", "rpartition")
    found = [
        place
        for place, node in nodes([*SQL, *APPS])
        if isinstance(node, ast.Attribute) and node.attr in methods
    ]

    assert found == []


def test_rows_are_read_by_name() -> None:
    found = []
    for place, node in nodes([*SQL, *APPS]):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            value = node.value
            if isinstance(value, ast.Subscript) and ast.unparse(value).endswith("[0]"):
                found.append(place)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Representation":
            found += [place for argument in node.args if isinstance(argument, ast.Starred)]

    assert found == []


def is_cached(node: ast.FunctionDef) -> bool:
    return any("cache" in ast.unparse(decorator) for decorator in node.decorator_list)


def forwarding() -> Iterator[str]:
    """Yield the functions whose only statement passes their parameters on, as they are."""
    for place, node in nodes([*ENGINE, *APPS]):
        if isinstance(node, ast.FunctionDef) and not is_cached(node):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            parameters = [argument.arg for argument in node.args.args if argument.arg != "self"]
            if len(body) == 1 and isinstance(body[0], ast.Return | ast.Expr) and parameters:
                value = body[0].value
                if isinstance(value, ast.Call) and not value.keywords:
                    passed = [ast.unparse(argument) for argument in value.args]
                    if passed == parameters:
                        yield f"{Path(place.partition(':')[0]).name} {node.name}"


def test_no_function_only_forwards() -> None:
    assert {*forwarding()} == {*ADAPTERS}


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the value of each text, also in f-strings, but not of docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or node in docstrings:
            continue
        if isinstance(node.value, str):
            yield node.lineno, node.value


def limits_in_texts(paths: list[Path]) -> list[str]:
    return [
        f"{path.name}:{line} {found[0]}"
        for path in paths
        for line, text in texts(path)
        for found in LIMIT_IN_TEXT.finditer(text)
    ]


def test_limit_of_a_field_is_in_no_text_of_the_application() -> None:
    """Field types render the SQL and the patterns of their limits."""
    assert limits_in_texts([*APPS, *FUNCTIONS]) == []


@pytest.mark.parametrize(
    "text",
    [
        "char_length(r.name) <= 200",
        "BETWEEN 1 AND 10000",
        "r.price ~ '^[0-9]{1,10}([.][0-9]{1,2})?$'",
        "r.quantity <= 2147483647",
    ],
)
def test_limit_in_a_text_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        f'"""200"""\nSQL = f"""{text.replace("{", "{{").replace("}", "}}")} {{1}}"""'
    )

    assert limits_in_texts([tmp_path / "module.py"]) != []


def test_database_imports_no_sqlalchemy_at_run_time() -> None:
    found = [
        path.name
        for path in [*SQL, *WITHOUT_SQLALCHEMY]
        for node in ast.parse(path.read_text()).body  # without `if TYPE_CHECKING:`
        if isinstance(node, ast.Import | ast.ImportFrom) and " sqlalchemy" in ast.unparse(node)
    ]

    assert found == []


def test_request_has_one_context() -> None:
    paths = sorted((LAYER / "sluice").rglob("*.py"))
    found = {
        place.split(":")[0]
        for place, node in nodes(paths)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ContextVar"
    }

    # QUERY_TEXT: the parser of ad-hoc SQL, deep in recursion, has no other way to the text.
    assert found == {
        "layers/shared/sluice/request_context.py",
        "layers/shared/sluice/adhoc_sql/rejection.py",
    }
