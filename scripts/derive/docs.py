"""Write the tables of docs/api.md that the declarations determine: scopes, and analysts' tables.

Such a table is between the lines `<!-- derived: NAME -->` and `<!-- /derived -->`.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from scripts.derive.scan import Found
from sluice import application

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
REGION = re.compile(
    r"(?P<start><!-- derived: (?P<name>\w+) -->\n).*?(?P<end><!-- /derived -->\n)", re.DOTALL
)
IMPORTS = ("`imports:read`, `imports:write`", "imports")
REPORTS = ("`analytics:read`", "analytics, but for:")
ADHOC_SQL = ("`analytics:query`", "`/api/analytics/query`")


def files(found: Found) -> dict[Path, str]:
    """Return the page with the tables of the current application."""
    return {PAGE: render(PAGE.read_text(), found)}


def render(page: str, found: Found) -> str:
    """Return the page with its derived tables. Raise KeyError for an unknown name."""
    return REGION.sub(
        lambda region: f"{region['start']}\n{TABLES[region['name']](found)}\n{region['end']}", page
    )


def _scopes(found: Found) -> str:
    """Return the scopes with the resources whose routes need them."""
    names: dict[str, list[str]] = {}
    for each in found.resources:
        if each.is_served:
            names.setdefault(each.resource.scope_prefix, []).append(each.resource.name)
    rows = [(f"`{scope}:read`, `{scope}:write`", ", ".join(names[scope])) for scope in names]
    rows.append(IMPORTS)
    if "analytics:read" in found.app.scopes:
        rows.append(REPORTS)
    return _table("scopes", "routes", [*rows, ADHOC_SQL])


def _analyst_tables(found: Found) -> str:
    """Return the tables that analysts may query, with their columns."""
    tables = application.current().registry.ANALYST_TABLES
    rows = [
        (f"`{name}`", ", ".join(f"`{column}`" for column in columns))
        for name, (columns, _) in tables.items()
    ]
    return _table("table", "columns", rows)


def _table(first: str, second: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {first} | {second} |", "| --- | --- |"]
    lines += [f"| {one} | {other} |" for one, other in rows]
    return "\n".join(lines) + "\n"


TABLES: dict[str, Callable[[Found], str]] = {"scopes": _scopes, "tables": _analyst_tables}
