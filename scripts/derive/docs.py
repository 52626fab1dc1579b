"""Write the tables of documents that the declarations determine.

Such a table is between the lines `<!-- derived: NAME -->` and `<!-- /derived -->`. An application
that is not the default one has them in deploy/<application>/api.md.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from scripts.derive.scan import Found, FoundResource
from sluice import application
from sluice.graph.part import PUBLIC, GraphqlPart, part_of
from sluice.http.group import api_of
from sluice.http.paths import to_openapi
from sluice.imports.derived import import_resource

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (DOCS / "api.md", DOCS / "graphql.md", DOCS / "imports.md")
REGION = re.compile(
    r"(?P<start><!-- derived: (?P<name>\w+) -->\n).*?(?P<end><!-- /derived -->\n)", re.DOTALL
)
HEAD = """# The API of {app}

Derived by `make derive`: do not edit. [docs/api.md](../../docs/api.md) explains lists, errors and
conditional requests.
"""
TITLES = {
    "routes": "Routes",
    "lists": "Filters and sorts",
    "scopes": "Scopes",
    "graphql_scopes": "GraphQL",
    "imports": "Imports",
    "tables": "Tables for analysts",
}
IMPORTS = ("`imports:read`, `imports:write`", "imports")
REPORTS = ("`analytics:read`", "analytics, but for:")
ADHOC_SQL = ("`analytics:query`", "`/api/analytics/query`")


def files(found: Found) -> dict[Path, str]:
    """Return the pages with the tables of the current application."""
    if found.artefacts is None or found.is_default:
        return {page: render(page.read_text(), found) for page in PAGES}
    sections = [
        f"## {title}\n\n{TABLES[name](found)}"
        for name, title in TITLES.items()
        if name != "tables" or application.current().registry.ANALYST_TABLES
    ]
    return {found.artefacts / "api.md": "\n".join([HEAD.format(app=found.app.name), *sections])}


def render(page: str, found: Found) -> str:
    """Return the page with its derived tables. Raise KeyError for an unknown name."""
    return REGION.sub(
        lambda region: f"{region['start']}\n{TABLES[region['name']](found)}\n{region['end']}", page
    )


def _routes(found: Found) -> str:
    """Return the routes of each resource."""
    return _table(
        ("resource", "routes"), [(each.resource.name, _paths(each)) for each in _served(found)]
    )


def _paths(found: FoundResource) -> str:
    methods: dict[str, list[str]] = {}
    for route in api_of(found.resource.name).routes:
        methods.setdefault(to_openapi(route.path), []).append(route.method)
    return " · ".join(f"`{' '.join(names)} {path}`" for path, names in methods.items())


def _lists(found: Found) -> str:
    """Return the filters and sorts of each list."""
    specs = [(each.resource.name, each.repository.list_spec) for each in _served(found)]
    rows = [(name, _code(spec.filters), _code(spec.sorts)) for name, spec in specs]
    return _table(("list", "filters", "sorts"), rows)


def _imports(found: Found) -> str:
    """Return the columns of the files of each resource, and the columns by which a row is known."""
    app = application.current()
    rows = []
    for name in app.imports:
        files = import_resource(app.load("imports", name))
        needed = _quoted(files.required)
        if files.exactly_one_of:
            needed.append(" or ".join(_quoted(files.exactly_one_of)))
        optional = [column for column in files.fields if column not in files.required]
        optional = [column for column in optional if column not in files.exactly_one_of]
        declared = found.named(name)
        keys = files.exactly_one_of or (declared and declared.resource.import_columns) or ()
        rows.append((name, ", ".join(needed), _code(optional), _code(keys)))
    return _table(("resource", "columns", "may have", "known by"), rows)


def _graphql_scopes(found: Found) -> str:
    """Return the types and mutations of GraphQL with their scopes."""
    app = application.current()
    part = part_of(app) if app.has_graphql else GraphqlPart()
    names: dict[str, list[str]] = {}
    for name, kind in part.types.items():
        if kind.scope != PUBLIC:
            names.setdefault(kind.scope, []).append(name)
    for (parent, name), field in part.fields.items():
        if parent == "Mutation":
            names.setdefault(field.scope, []).append(name)
    return _table(
        ("type or mutation", "scope"), [(_code(names[scope]), f"`{scope}`") for scope in names]
    )


def _served(found: Found) -> list[FoundResource]:
    return [each for each in found.resources if each.is_served]


def _scopes(found: Found) -> str:
    """Return the scopes with the resources whose routes need them."""
    names: dict[str, list[str]] = {}
    for each in _served(found):
        names.setdefault(each.resource.scope_prefix, []).append(each.resource.name)
    rows = [(f"`{scope}:read`, `{scope}:write`", ", ".join(names[scope])) for scope in names]
    rows.append(IMPORTS)
    if "analytics:read" in found.app.scopes:
        rows.append(REPORTS)
    if any(function.analyst for function in found.app.functions):
        rows.append(ADHOC_SQL)
    return _table(("scopes", "routes"), rows)


def _analyst_tables(found: Found) -> str:
    """Return the tables that analysts may query, with their columns."""
    tables = application.current().registry.ANALYST_TABLES
    rows = [(f"`{name}`", _code(columns)) for name, (columns, _) in tables.items()]
    return _table(("table", "columns"), rows)


def _code(names: Iterable[str]) -> str:
    return ", ".join(_quoted(names))


def _quoted(names: Iterable[str]) -> list[str]:
    return [f"`{name}`" for name in names]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


TABLES: dict[str, Callable[[Found], str]] = {
    "routes": _routes,
    "lists": _lists,
    "scopes": _scopes,
    "tables": _analyst_tables,
    "graphql_scopes": _graphql_scopes,
    "imports": _imports,
}
