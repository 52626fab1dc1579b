"""The structure of the code: SQL is not split, rows are read by name, a limit stands once."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.conventions.applications import APPLICATIONS, ROOT

LAYER = ROOT / "layers/shared"
ENGINE = sorted((LAYER / "sluice").rglob("*.py"))
SQL = sorted((LAYER / "sluice/sql").glob("*.py"))
APPS = [path for folder in APPLICATIONS.values() for path in sorted(folder.glob("*.py"))]
# Functions that only forward, with a reason each.
ADAPTERS = {
    "database.py read": "Executor: in a transaction, a read is a statement like a write",
    "deparser.py expression": "chooses the function by the kind of the node",
    "expression.py constant": "one of a table of methods, by the kind of the node",
    "parser.py __getitem__": "the operator",
    "runner.py run": "the one place that names exec_driver_sql",
    "sqlalchemy_pool.py invalidate": "PooledConnection: the pool has two kinds",
}
LIMITS = (200, 10_000, 254, "9999999999.99")
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


def test_limit_of_a_field_stands_once() -> None:
    declared = ("layers/shared/shop/fields.py", "layers/shared/sluice/fields.py")
    own = [path for path in APPS if path.is_relative_to(LAYER)]
    paths = [*own, LAYER / "sluice/fields.py", LAYER / "sluice/slugs.py"]
    found = Counter(
        (place.split(":")[0], node.value)
        for place, node in nodes(paths)
        if isinstance(node, ast.Constant) and node.value in LIMITS
    )

    assert {path for path, _ in found} <= {*declared}
    assert [limit for limit, count in found.items() if count > 1] == []


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
