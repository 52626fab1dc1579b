"""Which way things depend: each room names what it may import, of Sluice and of others."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "shared"

# Room (the longest matching prefix decides) → what it may import: rooms of ours, and libraries.
# The standard library is free to all, but for the environment, which a test below holds.
ALLOWED = {
    "sluice.errors": set(),
    "sluice.settings": {"sluice.env_reader", "sluice.libpq_url"},
    "sluice.env_reader": set(),
    "sluice.libpq_url": set(),
    "sluice.gc_tuning": {"sqlalchemy"},
    "sluice.deadline": set(),
    "sluice.request_stats": set(),
    "sluice.slugs": {"sluice.errors", "anyascii"},
    "sluice.snapstart": {"sluice.settings", "snapshot_restore_py"},
    "sluice.endpoints": set(),
    "sluice.tls": set(),
    "sluice.aws": {
        "sluice.aws",
        "sluice.deadline",
        "sluice.endpoints",
        "sluice.settings",
        "sluice.tls",
    },
    "sluice.identity": {"sluice.identity", "sluice.aws", "sluice.errors", "sluice.settings", "jwt"},
    "sluice.limits": {"sluice.limits", "sluice.aws"},
    "sluice.db": {
        "sluice.db",
        "sluice.deadline",
        "sluice.request_stats",
        "sluice.errors",
        "sluice.settings",
        "sluice.aws",
        "sqlalchemy",
        "pg8000",
    },
    "sluice.repositories": {"sluice.repositories", "sluice.errors", "sluice.slugs"},
    "sluice.unit_of_work": {"sluice.db", "sluice.repositories", "sqlalchemy"},
    "sluice.ordering": {"sluice.unit_of_work", "sluice.repositories", "sluice.errors"},
    # Analysts' SQL is one package. What reads a query knows neither the database nor HTTP.
    "sluice.adhoc_sql": {"sluice.adhoc_sql", "sluice.errors", "pgparse"},
    "sluice.adhoc_sql.database": {
        "sluice.adhoc_sql",
        "sluice.db",
        "sluice.deadline",
        "sluice.errors",
        "sluice.settings",
        "sqlalchemy",
        "pg8000",
    },
    "sluice.adhoc_sql.route": {
        "sluice.http",
        "sluice.runtime",
        "sluice.errors",
        "aws_lambda_powertools",
    },
    # A row of a file obeys the rules of a body.
    "sluice.imports": {
        "sluice.imports",
        "sluice.aws",
        "sluice.deadline",
        "sluice.http.body",
        "sluice.http.schemas",
        "sluice.slugs",
        "sluice.repositories",
        "sluice.errors",
        "sluice.settings",
        "boto3",
        "botocore",
    },
    "sluice.runtime": {
        "sluice.gc_tuning",
        "sluice.snapstart",
        "sluice.adhoc_sql",
        "sluice.imports",
        "sluice.aws",
        "sluice.identity",
        "sluice.limits",
        "sluice.errors",
        "sluice.unit_of_work",
        "sluice.db",
        "sluice.repositories",
        "sluice.settings",
    },
    "sluice.http": {
        "sluice.http",
        "sluice.snapstart",
        "sluice.request_stats",
        "sluice.deadline",
        "sluice.runtime",  # its type: which one it is, a function says
        "sluice.identity",
        "sluice.limits",
        "sluice.repositories",
        "sluice.errors",
        "sluice.settings",
        "aws_lambda_powertools",
    },
    "sluice.graph": {
        "sluice.graph",
        "sluice.http",
        "sluice.repositories",
        "sluice.ordering",
        "sluice.unit_of_work",
        "sluice.runtime",
        "sluice.errors",
        "sluice.settings",
        "graphql",
        "aws_lambda_powertools",
    },
    "functions": {
        "sluice.http",
        "sluice.repositories",
        "sluice.runtime",
        "sluice.ordering",
        "sluice.errors",
        "aws_lambda_powertools",
    },
    "functions.analytics": {
        "sluice.adhoc_sql.route",
        "sluice.http",
        "sluice.runtime",
        "sluice.repositories",
        "sluice.errors",
        "aws_lambda_powertools",
    },
    "functions.docs": {"sluice.http", "sluice.settings", "aws_lambda_powertools"},
    "functions.graphql": {"sluice.graph", "sluice.http", "sluice.runtime", "aws_lambda_powertools"},
    # Migrations are a deployment's business, not a request's.
    "functions.migrate": {"sluice.db", "sluice.migrations", "sluice.runtime", "sluice.settings"},
    "sluice.migrations": {
        "sluice.migrations",
        "sluice.db",
        "sluice.errors",
        "sluice.settings",
        "sqlalchemy",
        "alembic",
    },
    "shop.migrations": {"sluice.migrations", "alembic"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for base, package in ((LAYER, "sluice"), (LAYER, "shop"), (ROOT, "functions")):
        for path in sorted((base / package).rglob("*.py")):
            yield ".".join(path.relative_to(base).with_suffix("").parts), path


def imports(path: Path) -> Iterator[str]:
    """The dotted names a module imports; `from sluice import runtime` gives `sluice.runtime`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for name in node.names:
                yield f"{node.module}.{name.name}"


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def is_standard(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize(
    ("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_module_imports_only_what_its_room_may(module: str, path: Path) -> None:
    room = max((room for room in ALLOWED if within(module, room)), key=len)

    wrong = [
        name
        for name in imports(path)
        if not is_standard(name) and not any(within(name, allowed) for allowed in ALLOWED[room])
    ]

    assert wrong == [], f"{room} may not import {wrong}"


def test_a_function_imports_no_other_function() -> None:
    for module, path in modules():
        if module.startswith("functions."):
            assert not [name for name in imports(path) if within(name, "functions")], module


def test_only_settings_reads_the_environment() -> None:
    readers = {
        module
        for module, path in modules()
        if any(word in path.read_text() for word in ("os.environ", "os.getenv", "environb"))
    }

    assert readers == {"sluice.settings"}


def test_sql_stands_only_in_repositories_and_migrations() -> None:
    """But for what analysts are told of theirs, and what goes before statements."""
    words = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ")
    writers = {
        module for module, path in modules() if any(word in _strings(path) for word in words)
    }
    rooms = (
        "sluice.repositories",
        "sluice.adhoc_sql",
        "sluice.db.connection",
        "sluice.db.replica",
        "sluice.migrations",
        "shop.migrations",
    )

    assert [module for module in writers if not any(within(module, room) for room in rooms)] == []


def _strings(path: Path) -> str:
    """Every string of a module but its docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings
    )
