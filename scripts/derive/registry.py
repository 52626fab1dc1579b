"""Write `<application>/registry.py`: the names of the application's resources, as plain data.

At run time nothing else says which resources there are. No function imports a declaration that it
does not serve.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.derive.graphql import derived_schema
from scripts.derive.scan import Found, FoundResource, is_importable
from sluice import application
from sluice.adhoc_sql.derived import plain_data, tables
from sluice.http.paths import to_openapi
from sluice.http.route import RouteSpec
from sluice.resource import Resource

MAX_LINE = 100
PRIVILEGES = {"create": "INSERT", "replace": "UPDATE", "update": "UPDATE", "delete": "DELETE"}
HEAD = '''\
"""The resources of the application {app}, as names. Derived by `make derive`: do not edit."""
'''
# Each constant of the module, with its type.
TYPES = {
    "REPOSITORIES": "dict[str, str]",
    "ROUTES": "dict[str, str]",
    "DECLARATIONS": "dict[str, str]",
    "GROUPS": "dict[str, dict[str, tuple[str, ...]]]",
    "SCOPES": "tuple[str, ...]",
    "REPLICA_SCOPES": "tuple[str, ...]",
    "IMPORTS": "tuple[str, ...]",
    "ERROR_FIELDS": "dict[str, str]",
    "TABLES": "tuple[tuple[str, str, bool], ...]",
    "ANALYST_TABLES": (
        "dict[str, tuple[dict[str, tuple[object, ...]], tuple[tuple[str, ...], ...]]]"
    ),
    "GRAPHQL": "dict[str, dict[str, object]]",
    "GRAPHQL_ENUMS": "tuple[str, ...]",
    "GRAPHQL_BY_HAND": "str",
}


def path(found: Found) -> Path:
    """Return the file of the registry."""
    return found.folder / "registry.py"


def files(found: Found) -> dict[Path, str]:
    """Return the registry by its path."""
    return {path(found): text(found)}


def text(found: Found) -> str:
    """Return the source of the registry, as `ruff format` leaves it."""
    values = constants(found)
    lines = [
        f"{name}: {kind} = {_source(values[name], 0, explode=True)}\n"
        for name, kind in TYPES.items()
    ]
    return HEAD.format(app=found.app.name) + "\n" + "".join(lines)


def constants(found: Found) -> dict[str, Any]:
    """Return the values of the constants.

    GROUPS: function → resource → its paths.
    TABLES: table, what the functions may do with it, and whether analysts may read it.
    ANALYST_TABLES: those tables with their columns, as Catalogue.of reads them.
    GRAPHQL: type → what is derived of it, as sluice/graph/resource_part.py reads it.
    """
    repositories = [each for each in found.resources if each.repository is not None]
    served = [each for each in found.resources if each.is_served]
    groups: dict[str, dict[str, tuple[str, ...]]] = {}
    for each in served:
        group = groups.setdefault(each.resource.group, {})
        group[each.resource.name] = paths(each)
    replica = [each for each in served if each.repository.reads_replica]
    schema = derived_schema(found)
    by_hand = (found.folder / "graphql.py").is_file()
    return {
        "REPOSITORIES": {each.resource.name: each.repository_name for each in repositories},
        "ROUTES": {each.resource.name: each.routes for each in served if each.routes},
        "DECLARATIONS": {each.resource.name: each.declaration for each in found.resources},
        "GROUPS": groups,
        "SCOPES": tuple(dict.fromkeys(scope for each in served for scope in _scopes(each))),
        "REPLICA_SCOPES": tuple(
            dict.fromkeys(f"{each.resource.scope_prefix}:read" for each in replica)
        ),
        "IMPORTS": tuple(each.resource.name for each in served if is_importable(each)),
        "ERROR_FIELDS": dict(sorted(error_fields(found))),
        "TABLES": tuple(_table(each.resource) for each in found.resources),
        "ANALYST_TABLES": plain_data(tables(each.resource for each in found.resources)),
        "GRAPHQL": schema.types,
        "GRAPHQL_ENUMS": schema.enums,
        "GRAPHQL_BY_HAND": f"{found.app.name}.graphql:PART" if by_hand else "",
    }


def paths(found: FoundResource) -> tuple[str, ...]:
    """Return the paths of a resource, with those of its routes by hand, as in template.yaml."""
    collection = f"/api/{found.resource.name}"
    row = "/".join([collection, *(f"{{{key.name}}}" for key in found.resource.keys)])
    routes: list[RouteSpec] = application.load(found.routes).routes if found.routes else []
    by_hand = [to_openapi(route.path) for route in routes]
    return tuple(dict.fromkeys((collection, row, *by_hand)))


def error_fields(found: Found) -> Iterator[tuple[str, str]]:
    """Yield the column and the name that clients see, of each field of a table."""
    for each in found.resources:
        for field in each.resource.all_fields:
            if field.in_table:
                yield field.column, field.name


def _scopes(found: FoundResource) -> list[str]:
    prefix = found.resource.scope_prefix
    has_writes = bool(found.resource.writes)
    return [f"{prefix}:read", *([f"{prefix}:write"] if has_writes else [])]


def _table(resource: Resource) -> tuple[str, str, bool]:
    writes = dict.fromkeys(PRIVILEGES[write] for write in resource.writes if resource.group)
    return (resource.table, ", ".join(["SELECT", *writes]), resource.analytics)


def _source(value: object, indent: int, *, before: str = "", explode: bool = False) -> str:
    """Return a literal after the text `before`: on one line if it fits and is not exploded."""
    plain = before + _plain(value)
    if not isinstance(value, (Mapping, tuple)) or not value:
        return plain
    # `ruff format` joins a tuple of one item, whose comma says nothing about lines.
    is_open = explode and not (isinstance(value, tuple) and len(value) == 1)
    if not is_open and indent + len(plain) + len(",") <= MAX_LINE:
        return plain
    if isinstance(value, Mapping):
        items = [
            _source(item, indent + 4, before=f"{_plain(key)}: ") for key, item in value.items()
        ]
        return _exploded(before + "{", items, "}", indent)
    return _exploded(before + "(", [_source(item, indent + 4) for item in value], ")", indent)


def _exploded(start: str, items: list[str], end: str, indent: int) -> str:
    space = " " * (indent + 4)
    return "\n".join([start, *(f"{space}{item}," for item in items), " " * indent + end])


def _plain(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, Mapping):
        items = [f"{_plain(key)}: {_plain(item)}" for key, item in value.items()]
        return "{" + ", ".join(items) + "}"
    if isinstance(value, tuple):
        comma = "," if len(value) == 1 else ""
        return "(" + ", ".join(_plain(item) for item in value) + comma + ")"
    return repr(value)
