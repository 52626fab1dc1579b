"""Each package lists the packages and libraries that it may import."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conventions.applications import APPLICATIONS

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "shared"

# Package (the longest matching prefix applies) → the packages and libraries that it may import.
# All may import the standard library; a test below limits os.environ.
ALLOWED = {
    "sluice.errors": set(),
    "sluice.tenant_errors": {"sluice.errors"},
    "sluice.settings": {"sluice.env_reader", "sluice.database_settings"},
    "sluice.database_settings": {"sluice.libpq_url"},
    "sluice.env_reader": set(),
    "sluice.libpq_url": {"sluice.database_settings"},
    "sluice.gc_tuning": set(),
    "sluice.request_context": set(),
    "sluice.snapstart": {"sluice.settings", "snapshot_restore_py"},
    "sluice.endpoints": set(),
    "sluice.query": set(),
    "sluice.tls": set(),
    "sluice.aws": {
        "sluice.aws",
        "sluice.request_context",
        "sluice.endpoints",
        "sluice.settings",
        "sluice.tls",
    },
    "sluice.identity": {
        "sluice.application",  # its scopes, which those of a key may stand for
        "sluice.identity",
        "sluice.aws",
        "sluice.errors",
        "sluice.settings",
        "sluice.tenants",
        "jwt",
    },
    "sluice.limits": {"sluice.limits", "sluice.aws"},
    "sluice.db": {
        "sluice.query",
        "sluice.db",
        "sluice.request_context",
        "sluice.errors",
        "sluice.settings",
        "sluice.aws",
        "sqlalchemy",
        "pg8000",
    },
    "sluice.db.mapped": {
        "sluice.application",
        "sluice.db.mapped_relations",
        "sluice.db.models",
        "sluice.kinds",
        "sluice.resource",
        "sqlalchemy",
    },
    "sluice.db.tenant_session": {
        "sluice.application",
        "sluice.db.mapped",
        "sluice.db.models",
        "sluice.errors",
        "sluice.resource",
        "sluice.sql.tenant_sql",
        "sluice.tenant_columns",
        "sluice.tenants",
        "sqlalchemy",
    },
    "sluice.db.mapped_relations": {"sluice.resource", "sqlalchemy"},
    "sluice.sql": {
        "sluice.sql",
        "sluice.query",
        "sluice.errors",
        "sluice.kinds",
        "sluice.resource",
        "sluice.tenant_columns",
        "sluice.tenants",
    },
    "sluice.sql.tenant_sql": {
        "sluice.application",
        "sluice.resource",
        "sluice.sql.identifiers",
        "sluice.tenant_columns",
        "sluice.tenants",
    },
    # A function loads the declarations that it serves: they import nothing that is slow.
    "sluice.kinds": {"sluice.kinds", "sluice.errors", "sluice.resource"},
    "sluice.resource": {"sluice.kinds", "sluice.errors", "sluice.tenant_columns"},
    "sluice.tenant_columns": {"sluice.kinds.field", "sluice.resource"},
    "sluice.tenants": {
        "sluice.application",
        "sluice.errors",
        "sluice.query",
        "sluice.request_context",
    },
    "sluice.slugs": {"sluice.errors", "sluice.kinds", "anyascii"},
    "sluice.application": {"sluice.settings"},
    "sluice.openapi_texts": set(),
    "sluice.unit_of_work": {
        "sluice.query",
        "sluice.application",
        "sluice.db",
        "sluice.imports",
        "sluice.resource",
        "sluice.sql",
        "sluice.tenants",
        "sqlalchemy",
    },
    # The validation of ad-hoc SQL depends neither on the database nor on HTTP.
    "sluice.adhoc_sql": {"sluice.adhoc_sql", "sluice.errors", "pgparse"},
    "sluice.adhoc_sql.database": {
        "sluice.query",
        "sluice.adhoc_sql",
        "sluice.db",
        "sluice.request_context",
        "sluice.errors",
        "sluice.settings",
        "sluice.sql.row_security",
        "sqlalchemy",
        "pg8000",
    },
    "sluice.adhoc_sql.derived": {"sluice.adhoc_sql.catalogue", "sluice.kinds", "sluice.resource"},
    "sluice.adhoc_sql.databases": {
        "sluice.adhoc_sql",
        "sluice.db",
        "sluice.errors",
        "sluice.query",
        "sluice.settings",
        "sluice.tenant_errors",
        "sluice.tenants",
    },
    "sluice.adhoc_sql.route": {
        "sluice.adhoc_sql.catalogue",
        "sluice.kinds",
        "sluice.http",
        "sluice.runtime",
        "sluice.errors",
        "sluice.tenants",
    },
    # The rows of a file are validated by the rules of request bodies.
    "sluice.imports": {
        "sluice.application",
        "sluice.query",
        "sluice.imports",
        "sluice.aws",
        "sluice.request_context",
        "sluice.kinds",
        "sluice.resource",
        "sluice.sql",
        "sluice.tenants",
        "sluice.tenant_columns",
        "sluice.errors",
        "sluice.settings",
        "boto3",
        "botocore",
    },
    "sluice.admission": {
        "sluice.aws",
        "sluice.errors",
        "sluice.identity",
        "sluice.limits",
        "sluice.settings",
        "sluice.tenants",
    },
    "sluice.runtime": {
        "sluice.query",
        "sluice.gc_tuning",
        "sluice.snapstart",
        "sluice.admission",
        "sluice.adhoc_sql",
        "sluice.application",
        "sluice.imports",
        "sluice.aws",
        "sluice.unit_of_work",
        "sluice.db",
        "sluice.sql",
        "sluice.settings",
        "sluice.tenant_columns",
    },
    "sluice.readiness": {
        "sluice.application",
        "sluice.db",
        "sluice.sql",
        "sluice.errors",
        "sluice.runtime",
        "sluice.tenant_errors",
    },
    "sluice.http": {
        "sluice.http",
        "sluice.kinds",
        "sluice.resource",
        "sluice.snapstart",
        "sluice.request_context",
        "sluice.runtime",  # its type; the functions pass the instance
        "sluice.identity",
        "sluice.limits",
        "sluice.sql",
        "sluice.errors",
        "sluice.settings",
        "sluice.tenants",
        "aws_lambda_powertools",
    },
    "sluice.http.resource_routes": {
        "sluice.http",
        "sluice.application",  # finds the repository of another resource below a row
        "sluice.kinds",
        "sluice.errors",
        "sluice.resource",
        "sluice.runtime",
        "sluice.sql",
    },
    "sluice.http.group": {
        "sluice.http",
        "sluice.application",
        "sluice.runtime",
        "sluice.settings",
    },
    "sluice.graph": {
        "sluice.graph",
        "sluice.application",
        "sluice.snapstart",
        "sluice.kinds",
        "sluice.resource",
        "sluice.http",
        "sluice.sql",
        "sluice.unit_of_work",
        "sluice.runtime",
        "sluice.errors",
        "sluice.settings",
        "graphql",
    },
    "functions.docs": {"sluice.http", "sluice.settings"},
    "functions.graphql": {
        "sluice.application",
        "sluice.graph",
        "sluice.http",
        "sluice.runtime",
    },
    # Only a deployment runs migrations; requests do not.
    "functions.migrate": {"catalog", "sluice.db", "sluice.migrations", "sluice.settings"},
    "sluice.migrations": {
        "sluice.migrations",
        "sluice.application",
        "sluice.db",
        "sluice.errors",
        "sluice.settings",
        "sluice.sql.identifiers",
        "sqlalchemy",
        "alembic",
    },
}
# The same for the modules of each application, which may also import the application. They import
# what is public of the engine, and nothing of HTTP's or db's insides.
FUNCTIONS = {
    "sluice.http",
    "sluice.sql",
    "sluice.runtime",
    "sluice.kinds",
    "sluice.errors",
}
OF_APPLICATION = {
    "": {
        "sluice.query",
        "sluice.application",
        "sluice.errors",
        "sluice.graph",
        "sluice.http.body",
        "sluice.http.query_params",
        "sluice.kinds",
        "sluice.openapi_texts",
        "sluice.resource",
        "sluice.slugs",
        "sluice.sql",
        "sluice.unit_of_work",
        "sqlalchemy",  # statements for the session of a unit of work
    },
    ".analyst_tables": {"sluice.adhoc_sql.catalogue"},
    ".functions": FUNCTIONS,
    ".functions.analytics": {"sluice.adhoc_sql.route", *FUNCTIONS},
    ".imports": {"sluice.imports.resource"},
    ".migrations": {"sluice.migrations", "alembic"},
    ".routes": {
        "sluice.http",
        "sluice.kinds",
        "sluice.resource",
        "sluice.runtime",
        "sluice.sql",
    },
}
ALLOWED |= {
    f"{app}{module}": {app, *allowed}
    for app in APPLICATIONS
    for module, allowed in OF_APPLICATION.items()
}
ALLOWED |= {
    "functions": {
        "sluice.imports",
        "sluice.readiness",
        "sluice.request_context",
        *APPLICATIONS,
        *FUNCTIONS,
    },
    "functions.import_worker": {"sluice.runtime", "aws_lambda_powertools"},  # its batches
    "functions.analytics": {"sluice.adhoc_sql.route", *APPLICATIONS, *FUNCTIONS},
}
# What a module may import for its annotations only.
TYPES = {"sluice.request_context": {"sluice.http.request", "sluice.limits.rate"}}


def modules() -> Iterator[tuple[str, Path]]:
    for package in (LAYER / "sluice", *APPLICATIONS.values(), ROOT / "functions"):
        for path in sorted(package.rglob("*.py")):
            yield ".".join(path.relative_to(package.parent).with_suffix("").parts), path


class WithoutTypes(ast.NodeTransformer):
    """Removes `if TYPE_CHECKING:` blocks."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)


def imports(path: Path, *, types: bool = True) -> Iterator[str]:
    """Yield the dotted names that a module imports, e.g. `sluice.runtime`.

    Without `types`, leave out what it imports only for annotations.
    """
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree if types else WithoutTypes().visit(tree)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for name in node.names:
                yield f"{node.module}.{name.name}"


def is_in(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def is_standard(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize(
    ("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_module_imports_only_allowed_packages(module: str, path: Path) -> None:
    package = max((package for package in ALLOWED if is_in(module, package)), key=len)
    with_types = ALLOWED[package] | TYPES.get(module, set())

    wrong = [
        name
        for types, may_import in ((False, ALLOWED[package]), (True, with_types))
        for name in imports(path, types=types)
        if not is_standard(name) and not any(is_in(name, allowed) for allowed in may_import)
    ]

    assert wrong == [], f"{package} may not import {wrong}"


def test_functions_do_not_import_each_other() -> None:
    for module, path in modules():
        if module.startswith("functions."):
            assert not [name for name in imports(path) if is_in(name, "functions")], module


def test_only_settings_reads_environment_variables() -> None:
    readers = {
        module
        for module, path in modules()
        if any(word in path.read_text() for word in ("os.environ", "os.getenv", "environb"))
    }

    assert readers == {"sluice.settings"}


def test_only_http_headers_reads_request_headers() -> None:
    """So the name of a header and its syntax are in one place."""
    readers = {module for module, path in modules() if any(_header_reads(path))}

    assert readers == {"sluice.http.headers"}


def test_only_http_headers_has_the_names_of_conditions() -> None:
    names = {
        module
        for module, path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in ("If-Match", "If-None-Match")
    }

    assert names == {"sluice.http.headers"}


def _header_reads(path: Path) -> Iterator[ast.AST]:
    """Yield `x.headers.get(…)`, `x.headers[…]` and `… in x.headers`."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case (
                ast.Call(func=ast.Attribute(value=ast.Attribute(attr="headers"), attr="get"))
                | ast.Subscript(value=ast.Attribute(attr="headers"), ctx=ast.Load())
                | ast.Compare(
                    ops=[ast.In() | ast.NotIn()], comparators=[ast.Attribute(attr="headers")]
                )
            ):
                yield node


def test_sql_is_only_in_repositories() -> None:
    """Exceptions: ad-hoc SQL, statements that db sends before others, and expressions of kinds."""
    words = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ")
    writers = {
        module for module, path in modules() if any(word in _strings(path) for word in words)
    }
    packages = (
        "sluice.sql",
        "sluice.adhoc_sql",
        "sluice.db.driver.connection",
        "sluice.db.driver.tenant_setting",
        "sluice.imports.derived",
        "sluice.imports.job_repository",
        "sluice.imports.staged_rows",
        "sluice.kinds",
        *APPLICATIONS,
        "sluice.db.replica",
        "sluice.migrations",
    )

    assert [
        module for module in writers if not any(is_in(module, package) for package in packages)
    ] == []


def _strings(path: Path) -> str:
    """Return all strings of a module except its docstrings."""
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


def test_catalog_of_deployments_imports_no_tool() -> None:
    """MigrateFunction has the modules of catalog/, but not catalog/adopt, nor scripts and local."""
    packages = ("catalog", "sluice", "anyascii", "pg8000", "sqlalchemy")
    wrong = [
        (path.name, name)
        for path in sorted((ROOT / "catalog").glob("*.py"))
        for name in imports(path)
        if not is_standard(name)
        if is_in(name, "catalog.adopt") or not any(is_in(name, each) for each in packages)
    ]

    assert wrong == []
