"""catalog/ is packaged with MigrateFunction, so it imports only what that package has."""

import ast
import sys
from pathlib import Path

import pytest

CATALOG = Path(__file__).parents[2] / "catalog"
# pgparse, scripts/ and local/ are not in the package.
ALLOWED = {*sys.stdlib_module_names, "catalog", "sluice", "anyascii", "pg8000", "sqlalchemy"}


@pytest.mark.parametrize("path", sorted(CATALOG.glob("*.py")), ids=lambda path: path.stem)
def test_catalog_imports_only_what_is_packaged(path: Path) -> None:
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in found} <= ALLOWED
