"""Write `<application>/registry.py`: the names of the application's resources, as plain data.

At run time nothing else says which resources there are. No function imports a declaration that it
does not serve.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.derive.graphql import derived_schema
from scripts.derive.scan import Found, FoundResource, is_importable
from sluice import application
from sluice.adhoc_sql.derived import plain_data, tables
from sluice.http.paths import collection_path, row_path, to_openapi
from sluice.http.route import RouteSpec
from sluice.kinds.field import Field
from sluice.resource import DIGEST, Many, Resource
from sluice.tenant_columns import tenant_field

MAX_LINE = 100
# The attributes of a repository class that only names its resource.
BARE_CLASS = {*vars(type("Bare", (), {"resource": None})), "__annotations__", "__firstlineno__"} | {
    "__static_attributes__",
    "__parameters__",
    "__orig_bases__",
}
SELECT = "SELECT"
INSERT = "INSERT"
UPDATE = "UPDATE"
DELETE = "DELETE"
# A deletion locks the row before it compares the ETag, which needs UPDATE.
PRIVILEGES: Mapping[str, Sequence[str]] = {
    "create": [INSERT],
    "replace": [UPDATE],
    "update": [UPDATE],
    "delete": [DELETE, UPDATE],
}
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
    "ERRORS": "dict[str, dict[str, str]]",
    "CONSTRAINTS": "dict[str, tuple[str, tuple[str, ...]]]",
    "SELF_REFERENCES": "dict[str, tuple[str, ...]]",
    "KEYS": "dict[str, tuple[str, ...]]",
    "FUNCTIONS": "tuple[str, ...]",
    "TABLES": "tuple[tuple[str, dict[str, tuple[str, ...]], bool], ...]",
    "ANALYST_TABLES": (
        "dict[str, tuple[dict[str, tuple[object, ...]], tuple[tuple[str, ...], ...]]]"
    ),
    "GRAPHQL": "dict[str, dict[str, object]]",
    "GRAPHQL_ENUMS": "tuple[str, ...]",
    "GRAPHQL_BY_HAND": "str",
    "TENANT": "str",
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
        if name in values
    ]
    return HEAD.format(app=found.app.name) + "\n" + "".join(lines)


def constants(found: Found) -> dict[str, Any]:
    """Return the values of the constants.

    GROUPS: function → resource → its paths.
    ERRORS: table → column → the field that an error names. `category.slug` is the field `category`,
        which is null where the database found no row by its slug.
    CONSTRAINTS: constraint with its schema → its table and columns.
    SELF_REFERENCES: table → the columns of each foreign key to the same table.
    KEYS: table → the columns of a key that clients choose.
    FUNCTIONS: the functions of the database that are called.
    TABLES: table, what the functions may do with which of its columns (none: with all), and whether
        analysts may read it.
    ANALYST_TABLES: those tables with their columns, as Catalogue.of reads them.
    GRAPHQL: type → what is derived of it, as sluice/graph/resource_part.py reads it.
    TENANT: the SQL type of a tenant, in an application with tenants.
    """
    resources = [each.resource for each in found.resources]
    repositories = [each for each in found.resources if each.repository is not None]
    served = [each for each in found.resources if each.is_served]
    groups: dict[str, dict[str, tuple[str, ...]]] = {}
    for each in served:
        group = groups.setdefault(each.resource.group, {})
        group[each.resource.name] = paths(each)
    replica = [each for each in served if each.repository.reads_replica]
    schema = derived_schema(found)
    tenant = next(filter(None, map(tenant_field, resources)), None)
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
        "ERRORS": names_in_errors(resources),
        "CONSTRAINTS": dict(_constraints(resources)),
        "SELF_REFERENCES": {
            table: tuple(",".join(columns) for columns in foreign_keys)
            for table, foreign_keys in _self_references(resources)
        },
        "KEYS": {
            each.table: tuple(key.column for key in each.keys)
            for each in resources
            if not all(key.read_only for key in each.keys)
        },
        "FUNCTIONS": tuple(dict.fromkeys(_functions(resources))),
        "TABLES": tuple(privileges(resources, _tables_by_hand(found))),
        "ANALYST_TABLES": plain_data(tables(each.resource for each in found.resources)),
        "GRAPHQL": schema.types,
        "GRAPHQL_ENUMS": schema.enums,
        "GRAPHQL_BY_HAND": f"{found.app.name}.graphql:PART" if by_hand else "",
        **({"TENANT": tenant.sql_type} if tenant else {}),
    }


def paths(found: FoundResource) -> tuple[str, ...]:
    """Return the paths of a resource, with those of its routes by hand, as in template.yaml.

    Two paths are enough for all routes of a resource: an API has a limited number of them.
    """
    resource = found.resource
    collection = collection_path(resource)
    routes: list[RouteSpec] = application.load(found.routes).routes if found.routes else []
    by_hand = [to_openapi(route.path) for route in routes]
    if is_greedy(resource):
        others = (path for path in by_hand if not f"{path}/".startswith(f"{collection}/"))
        return tuple(dict.fromkeys((collection, f"{collection}/{{proxy+}}", *others)))
    return tuple(dict.fromkeys((collection, to_openapi(row_path(resource)), *by_hand)))


def _scopes(found: FoundResource) -> list[str]:
    prefix = found.resource.scope_prefix
    has_writes = bool(found.resource.writes)
    return [f"{prefix}:read", *([f"{prefix}:write"] if has_writes else [])]


def is_greedy(resource: Resource) -> bool:
    """Return whether one path stands for all paths below the collection."""
    has_lists = any(many.rest for many in resource.lists)
    return has_lists or bool(resource.functions) or len(resource.keys) > 1


def names_in_errors(resources: Iterable[Resource]) -> dict[str, dict[str, str]]:
    """Return the names that clients see, of each column of a table, by table.

    That of the tenant is empty: clients never set it, so no error names it.
    """
    errors: dict[str, dict[str, str]] = {}
    for resource in resources:
        columns = errors.setdefault(resource.table, {})
        for field in resource.all_fields:
            by = field.reference.by if field.reference else ""
            if field.in_table:
                name = f"{field.name}.{by}" if by else field.name
                columns[field.column] = "" if field.column == resource.tenant else name
        for many in resource.lists:
            if many.payload:
                names = {field.column: field.name for field in many.payload}
                errors.setdefault(many.through, {}).update(names)
    return errors


def _constraints(
    resources: Iterable[Resource],
) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    for resource in resources:
        schema, _ = resource.schema_and_table
        for each in resource.constraints:
            if each.name:
                yield f"{schema}.{each.name}", (resource.table, tuple(each.columns))


def _self_references(
    resources: Iterable[Resource],
) -> Iterator[tuple[str, list[Sequence[str]]]]:
    for resource in resources:
        keys = [one.foreign_key for one in resource.refs if one.resource == resource.name]
        if keys:
            yield resource.table, keys


def _functions(resources: Iterable[Resource]) -> Iterator[str]:
    for resource in resources:
        if resource.group:
            yield from (each.function for each in resource.functions)


def _tables_by_hand(found: Found) -> set[str]:
    """Return the tables of resources that have routes, SQL or rules by hand.

    These may use columns that are not declared.
    """
    return {
        each.resource.table
        for each in found.resources
        if each.routes or (each.repository and set(vars(each.repository)) - BARE_CLASS)
    }


def privileges(
    resources: Iterable[Resource], by_hand: Collection[str] = ()
) -> Iterator[tuple[str, dict[str, tuple[str, ...]], bool]]:
    """Yield each table with the privileges of the functions, and whether analysts may read it.

    A privilege has the columns that it is for. Without columns it is for the table, as those on the
    tables `by_hand` are.
    """
    found: dict[str, dict[str, dict[str, None] | None]] = {}
    for_analysts = {resource.table for resource in resources if resource.analytics}
    for resource in resources:
        of_table = found.setdefault(resource.table, {})
        for name, columns in _of_resource(resource):
            _add(of_table, name, columns)
    for resource in resources:
        for many in resource.lists:
            if many.through and resource.group:
                of_table = found.setdefault(many.through, {})
                for name, columns in _of_links(many):
                    _add(of_table, name, columns)
    for table, names in found.items():
        of_each = {name: tuple(columns or ()) for name, columns in names.items()}
        if table in by_hand:
            of_each = dict.fromkeys(of_each, ())
        yield table, of_each, table in for_analysts


def _add(
    of_table: dict[str, dict[str, None] | None], name: str, columns: Iterable[str] | None
) -> None:
    """Add the columns of a privilege, or the table itself, which includes them."""
    known = of_table.get(name, {})
    of_table[name] = None if columns is None or known is None else known | dict.fromkeys(columns)


def _of_resource(resource: Resource) -> Iterator[tuple[str, list[str] | None]]:
    """Yield the privileges on the table of a resource.

    A function of the database reads and writes whole rows of the table, as the role that calls it.
    """
    writes = resource.writes if resource.group else ()
    needed = [name for write in writes for name in _of_write(resource, write)]
    columns = {
        SELECT: [*_columns(resource.all_fields), *_other_columns(resource)],
        INSERT: _inserted(resource),
        UPDATE: [*_columns(resource.changeable), *_other_columns(resource)]
        or _columns(resource.keys),
        DELETE: None,
    }
    functions = resource.functions if resource.group else ()
    may_write = any(not each.stable for each in functions)
    for name in dict.fromkeys((SELECT, *needed)):
        is_whole = bool(functions) if name == SELECT else may_write
        yield name, None if is_whole else columns[name]


def _inserted(resource: Resource) -> list[str]:
    """Return the columns of an INSERT, with that of the tenant."""
    tenant = tenant_field(resource)
    columns = [*_columns(resource.writable), *([tenant.column] if tenant else [])]
    return columns or _columns(resource.keys)


def _columns(fields: Iterable[Field]) -> list[str]:
    return [field.column for field in fields if field.in_table]


def _other_columns(resource: Resource) -> list[str]:
    """Return the columns that need not be fields: those of the ETag, and of soft deletion."""
    etag = resource.etag
    of_etag = [] if etag == DIGEST else [etag] if isinstance(etag, str) else [*etag]
    in_table = [column for column in of_etag if "." not in column]
    return [*in_table, *([resource.soft_delete] if resource.soft_delete else [])]


def _of_write(resource: Resource, write: str) -> Sequence[str]:
    is_update = write == "delete" and resource.soft_delete
    return [UPDATE] if is_update else PRIVILEGES[write]


def _of_links(many: Many) -> Iterator[tuple[str, list[str] | None]]:
    """Yield the privileges on a junction table that links need."""
    payload = [field.column for field in many.payload]
    columns = [*many.columns, *many.other_columns, *payload]
    columns += [many.tenant] if many.tenant else []
    yield SELECT, columns
    if many.writes:
        yield INSERT, columns
        if payload:
            yield UPDATE, payload
        yield DELETE, None


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
