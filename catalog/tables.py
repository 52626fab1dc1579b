"""Which tables are adopted, the key of each, and the names of the resources."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from catalog.columns import ColumnKind, column_kinds, is_sensitive
from catalog.draft import AdoptRequest, Refusal
from catalog.graphql_names import ENGINE_NAMES, list_name
from catalog.kinds import KEYS
from catalog.names import RESERVED, module_name, singular, snake_case, unique
from catalog.snapshot import Snapshot, TableConstraint, TableSnapshot
from sluice.application import ENGINE_FUNCTIONS
from sluice.http.route_names import names_of
from sluice.resource import MAX_KEY_COLUMNS, MAX_NAME_BYTES, SHARED, Resource, Via
from sluice.sql.identifiers import quoted

EXCLUDED = "!"  # before a pattern of tables that are not adopted
KINDS = {"v": "view", "m": "materialized view", "f": "foreign table"}


@dataclass
class AdoptedTable:
    """A table that becomes a resource.

    key: the columns of the key. is_unique: whether the database makes sure that it is one.
    kinds: the kind of each column, by the column's name.
    unread_checks: the CHECKs that the kinds do not say.
    has_children: whether tables inherit from it.
    is_wanted: whether it may be a resource. Otherwise a known resource has it as a junction.
    fields: the name of the field of each column.
    tenant: the column of the tenant, or the one that references its row, or SHARED.
    is_of_tenant: whether each row is that of a tenant: clients neither create nor delete it.
    references_tenants: the columns that reference rows which have a tenant.
    """

    table: TableSnapshot
    key: tuple[str, ...]
    is_unique: bool
    kinds: dict[str, ColumnKind]
    unread_checks: list[TableConstraint]
    known: Resource | None = None
    is_wanted: bool = True
    has_children: bool = False
    name: str = ""
    singular: str = ""
    group: str = ""
    module: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    tenant: str | Via = ""
    is_of_tenant: bool = False
    references_tenants: set[str] = field(default_factory=set)

    @property
    def has_tenant(self) -> bool:
        """Whether each row belongs to a tenant."""
        return self.tenant not in ("", SHARED)

    @property
    def tenant_column(self) -> str:
        """The column by which the tenant of a row is known. Empty: it has no tenant."""
        if isinstance(self.tenant, Via):
            return self.tenant.column
        return self.tenant if self.has_tenant else ""

    @property
    def indexed_tenant(self) -> str:
        """The column with which the indexes of lists begin. A tenant with one row needs none."""
        return "" if self.key == (self.tenant_column,) else self.tenant_column

    @property
    def sql_name(self) -> str:
        """The name of the table in SQL."""
        return f"{quoted(self.table.schema)}.{quoted(self.table.name)}"

    @property
    def declared(self) -> set[str]:
        """The columns that a known resource shows."""
        return {field.column for field in self.known.all_fields} if self.known else set()

    @property
    def is_read_only(self) -> bool:
        """Whether clients cannot write rows."""
        return self.table.kind in KINDS or not self.is_unique


@dataclass(frozen=True)
class Key:
    """The columns of a key, or why there is none and what would help."""

    columns: tuple[str, ...] = ()
    is_unique: bool = True
    refusal: Refusal | None = None


def adopted_tables(
    snapshot: Snapshot, request: AdoptRequest
) -> tuple[list[AdoptedTable], list[Refusal]]:
    """Return the tables that have a key, those of known resources first, and the refusals."""
    known = {resource.table: resource for resource in request.known}
    parents = {parent for table in snapshot.tables for parent in table.inherits}
    found: list[AdoptedTable] = []
    refusals = list(_without_table(snapshot, request))
    for table in _selected(snapshot, request):
        kinds, unread = column_kinds(table, snapshot)
        resource = known.get(table.qualified)
        is_wanted = resource is not None or _matches(table.qualified, request)
        key = _key_of_known(resource, table, kinds) if resource else _key(table, kinds, request)
        if key.refusal is not None:
            refusals += [key.refusal] if is_wanted else []
        else:
            each = AdoptedTable(table, key.columns, key.is_unique, kinds, unread, resource)
            each.is_wanted = is_wanted
            # No unique index is over the rows of the children, and a write would change them, too.
            each.has_children = table.qualified in parents
            each.is_unique &= not each.has_children
            found.append(each)
    return found, refusals


def name_tables(tables: Sequence[AdoptedTable], request: AdoptRequest) -> None:
    """Give each table the names of its resource. Those of known resources are kept."""
    taken = {list_name(name) for name in (*RESERVED, *(each.name for each in request.known))}
    taken |= {*ENGINE_NAMES}
    routes = (route for resource in request.known for route in names_of(resource))
    taken |= {list_name(name.removeprefix("list_")) for name in routes if name[:5] == "list_"}
    singulars = {resource.singular for resource in request.known}
    for each in tables:
        if each.known is not None:
            each.name, each.singular = each.known.name, each.known.singular
            each.group, each.module = each.known.group, module_name(each.name)
            continue
        plain, schema = snake_case(each.table.name), snake_case(each.table.schema)
        with_schema = f"{schema}_{plain}"[:MAX_NAME_BYTES]
        each.name = unique(plain, taken, with_schema, form=list_name)
        taken.add(list_name(each.name))
        each.singular = unique(singular(each.name), singulars, f"{each.name}_row")
        singulars.add(each.singular)
        each.module = module_name(each.name)
        group = request.app if schema == "public" else schema
        group = each.name if request.group == "resource" else group
        each.group = f"{request.app}_{group}" if group in ENGINE_FUNCTIONS else group


def _selected(snapshot: Snapshot, request: AdoptRequest) -> Iterator[TableSnapshot]:
    """Yield the tables and junctions of known resources, then those of each pattern, each once."""
    names = [resource.table for resource in request.known]
    names += [many.through for resource in request.known for many in resource.lists]
    chosen = {name: snapshot.tables_by_name[name] for name in names if _has(snapshot, name)}
    for pattern in patterns(request.tables):
        for name, table in snapshot.tables_by_name.items():
            if fnmatchcase(name, pattern) and _matches(name, request):
                chosen.setdefault(name, table)
    yield from chosen.values()


def patterns(tables: Sequence[str], *, excluded: bool = False) -> list[str]:
    """Return the patterns of TABLES with their schemas: those to adopt, or those after `!`."""
    chosen = [each for each in tables if each.startswith(EXCLUDED) == excluded]
    return [_with_schema(each.removeprefix(EXCLUDED)) for each in chosen]


def _matches(name: str, request: AdoptRequest) -> bool:
    """Return whether a table is named, and not excluded."""
    excluded = patterns(request.tables, excluded=True)
    if any(fnmatchcase(name, pattern) for pattern in excluded):
        return False
    return any(fnmatchcase(name, pattern) for pattern in patterns(request.tables))


def _has(snapshot: Snapshot, name: str) -> bool:
    return name in snapshot.tables_by_name


def _with_schema(pattern: str) -> str:
    return pattern if "." in pattern else f"public.{pattern}"


def _without_table(snapshot: Snapshot, request: AdoptRequest) -> Iterator[Refusal]:
    """Yield the patterns that name nothing."""
    both = (*patterns(request.tables), *patterns(request.tables, excluded=True))
    for pattern in both:
        if not any(fnmatchcase(name, pattern) for name in snapshot.tables_by_name):
            remedy = "TABLES='schema.table', with * for any name"
            yield Refusal(pattern, "no table or view has such a name", remedy)


def _key_of_known(resource: Resource, table: TableSnapshot, kinds: dict[str, ColumnKind]) -> Key:
    columns = tuple(key.column for key in resource.keys)
    gone = [name for name in columns if name not in kinds or kinds[name].expression is None]
    if gone:
        reason = f"its key {', '.join(gone)} is not there, or cannot be shown"
        return Key(refusal=Refusal(table.qualified, reason, f"another key of {resource.name}"))
    return Key(columns, any(set(key) <= {*columns} for key in unique_keys(table)))


def _key(table: TableSnapshot, kinds: dict[str, ColumnKind], request: AdoptRequest) -> Key:
    """Return the key: the one that the request names, the primary key, or another unique one."""
    name = table.qualified
    if "." in table.schema or "." in table.name:
        reason, remedy = "the name has a dot", f"ALTER TABLE {_sql(table)} RENAME TO …"
        return Key(refusal=Refusal(name, reason, remedy, is_ddl=True))
    wanted = request.view_keys.get(name) or request.view_keys.get(table.name)
    if wanted:
        unknown = [column for column in wanted if column not in table.by_name]
        if unknown:
            reason = f"there is no column {', '.join(unknown)}"
            return Key(refusal=Refusal(name, reason, _key_argument(table)))
        problem = _problem(tuple(wanted), kinds, is_chosen=True)
        if problem:
            return Key(refusal=Refusal(name, problem, _key_argument(table)))
        keys = (*unique_keys(table), *unique_keys(table, nullable=True))
        return Key(tuple(wanted), any(set(key) <= {*wanted} for key in keys))
    candidates = unique_keys(table)
    for columns in candidates:
        if not _problem(columns, kinds):
            return Key(columns)
    return Key(refusal=_without_key(table, kinds, candidates))


def _without_key(
    table: TableSnapshot, kinds: dict[str, ColumnKind], candidates: list[tuple[str, ...]]
) -> Refusal:
    name = table.qualified
    if table.kind in KINDS:
        reason = f"it is a {KINDS[table.kind]}: no constraint says which columns identify a row"
        return Refusal(name, reason, _key_argument(table))
    add = f"ALTER TABLE {_sql(table)} ADD COLUMN {unique('id', set(table.by_name))}"
    identity = "bigint GENERATED ALWAYS AS IDENTITY"
    may_be_null = [key for key in unique_keys(table, nullable=True) if not _problem(key, kinds)]
    if may_be_null:
        names = [name for name in may_be_null[0] if not table.by_name[name].not_null]
        alter = ", ".join(f"ALTER COLUMN {quoted(name)} SET NOT NULL" for name in names)
        reason = f"{', '.join(names)} may be NULL in its unique key ({', '.join(may_be_null[0])})"
        return Refusal(name, reason, f"ALTER TABLE {_sql(table)} {alter}", is_ddl=True)
    if not candidates:
        reason = "it has neither a primary key nor a unique constraint of NOT NULL columns"
        return Refusal(name, reason, f"{add} {identity} PRIMARY KEY", is_ddl=True)
    reason = _problem(candidates[0], kinds)
    if not _problem(candidates[0], kinds, is_chosen=True):
        return Refusal(name, reason, f"KEY='{name}:{','.join(candidates[0])}'")
    return Refusal(name, reason, f"{add} {identity} UNIQUE", is_ddl=True)


def _sql(table: TableSnapshot) -> str:
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def _key_argument(table: TableSnapshot) -> str:
    """Return the argument with the columns of a unique index, or those that a person chooses."""
    unique_indexes = [
        [key.column for key in index.keys]
        for index in table.indexes
        if index.is_unique and not index.predicate and all(key.column for key in index.keys)
    ]
    columns = ",".join(unique_indexes[0]) if unique_indexes else "<column>[,<column>]"
    return f"KEY='{table.qualified}:{columns}'"


def unique_keys(table: TableSnapshot, *, nullable: bool = False) -> list[tuple[str, ...]]:
    """Return the columns of the primary key, then of each unique key without NULLs.

    nullable: return the unique keys that may have NULLs instead.
    """
    primary = [each.columns for each in table.constraints if each.kind == "p"]
    others = sorted(table.unique_columns, key=lambda columns: (len(columns), columns))
    of_columns = [key for key in others if all(key)]
    keys = [key for key in of_columns if all(table.by_name[c].not_null for c in key)]
    if nullable:
        return [key for key in of_columns if key not in keys]
    return list(dict.fromkeys([*primary, *keys]))


def _problem(
    columns: tuple[str, ...], kinds: dict[str, ColumnKind], *, is_chosen: bool = False
) -> str:
    """Return why the columns cannot be the key, or an empty text."""
    if len(columns) > MAX_KEY_COLUMNS:
        return f"the key has {len(columns)} columns, and at most {MAX_KEY_COLUMNS} are served"
    for name in columns:
        kind = kinds[name]
        if kind.expression is None:
            return f"the key {name} cannot be shown: {kind.reason}"
        if kind.expression.target.name not in KEYS:
            return f"the key {name} is {kind.sql}, which cannot be in a path"
        if is_sensitive(name, kind) and not is_chosen:
            return f"the key {name} has the name of a secret"
    return ""
