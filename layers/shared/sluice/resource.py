"""Resource: what a table is for clients. REST, GraphQL, imports, tests and more are derived.

A declaration is data: it has no SQL, no callbacks and no expressions. A rule is a method of the
resource's repository (sql/resource_repository.py), and SQL that cannot be derived stands there.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias

from sluice.errors import ValidationFailed
from sluice.kinds.field import DeclarationError as DeclarationError
from sluice.kinds.field import Field
from sluice.tenant_columns import SHARED as SHARED
from sluice.tenant_columns import Via as Via
from sluice.tenant_columns import wrong_tenant

Columns: TypeAlias = str | Sequence[str]
Write: TypeAlias = Literal["create", "replace", "update", "delete"]
EVERY_WRITE: Final[tuple[Write, ...]] = ("create", "replace", "update", "delete")
DIGEST: Final = "digest"
ROW: Final = "row"  # what a function returns
ROWS: Final = "rows"
NOTHING: Final = ""
MAX_KEY_COLUMNS = 4
MAX_NAME_BYTES = 63  # PostgreSQL cuts a longer name
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)  # of a field, filter, relation or group


class Many(NamedTuple):
    """The rows of another resource that reference this one, as a list below each row.

    REST has the list at `/api/<resource>/<key>/<name>`, GraphQL as a connection.

    name: the field of the list, and the last part of its path.
    resource: the name of the other resource.
    foreign_key: the columns of the other table, or of `through`, that reference this table.
    through: the junction table of a many-to-many relation, with its schema.
    other_key: the columns of `through` that reference the other resource.
    payload: further columns of `through`.
    writes: whether clients add and remove links, by PUT and DELETE.
    rest: whether REST has the list.
    tenant: the column of the tenant in `through`, if it has one.
    """

    name: str
    resource: str
    foreign_key: Columns
    through: str = ""
    other_key: Columns = ()
    payload: Sequence[Field] = ()
    writes: bool = True
    rest: bool = True
    tenant: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that reference this table."""
        return names_of(self.foreign_key)

    @property
    def other_columns(self) -> tuple[str, ...]:
        """The columns of `through` that reference the other resource."""
        return names_of(self.other_key)


class One(NamedTuple):
    """The row that a foreign key references. A `Ref` makes it for a key of one column.

    name: its name in `?expand=` and in GraphQL.
    resource: the name of the other resource.
    foreign_key: the columns, in the order of the other resource's key.
    expand: whether `?expand=` returns the row.
    """

    name: str
    resource: str
    foreign_key: Sequence[str]
    expand: bool = True


class Function(NamedTuple):
    """A function of the database on a row. It gets the key, then the arguments.

    REST has it at `/api/<resource>/<key>/<name>`: as POST, or as GET if it is stable.

    name: the last part of the path.
    function: the name of the function, with its schema.
    arguments: the arguments after the key. Without a value an argument is NULL.
    returns: "row" is a row of this resource's table, "rows" are several, "" is nothing. A field
        describes any other value. Only a stable function returns several rows.
    stable: whether it only reads.
    scope: the scope that a client needs, if it is not that of reading or writing the resource.
    max_rows: the largest number of "rows". More are an error.
    """

    name: str
    function: str
    arguments: Sequence[Field] = ()
    returns: str | Field = ROW
    stable: bool = False
    scope: str = ""
    max_rows: int = 100


class Constraint(NamedTuple):
    """A constraint whose violation is an error of some fields. One field's column needs none.

    columns: the columns of the table. An error names the field of each.
    name: the constraint in the database. Without one, the database's report must name the columns.
    kind: what is violated. That of a domain belongs to the domain's type, not to the table.
    deferrable: whether it may be checked at the end of a transaction.
    """

    columns: Sequence[str]
    name: str = ""
    kind: Literal["unique", "check", "exclusion", "domain"] = "unique"
    deferrable: bool = False


def names_of(columns: Columns) -> tuple[str, ...]:
    """Return the names of one column or of several, as a tuple."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


class GraphQL(NamedTuple):
    """What GraphQL has of a resource, where that is less than everything. None: everything.

    queries, mutations: the fields of Query and Mutation.
    hidden: fields that the type does not have.
    filters, sorts: those of the root list.
    """

    queries: Sequence[str] | None = None
    mutations: Sequence[str] | None = None
    hidden: Sequence[str] = ()
    filters: Sequence[str] | None = None
    sorts: Sequence[str] | None = None


EVERYTHING: Final = GraphQL()


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """The declaration of a resource.

    name: the collection in paths and GraphQL, such as `deals` in /api/deals.
    singular: one row, such as `deal`.
    table: the table or view, with its schema.
    group: the function that serves the resource. It is not a part of the path. Empty: not served.
    key: the primary key: a field, or up to four.
    fields: the other fields, in the order of the table.
    description: one sentence, for OpenAPI and GraphQL.
    scope: the prefix of the scopes, if it is not the name.
    constraints: those over several columns, and those whose name does not tell the column.
    filters: filters of lists that are no field. The repository has their SQL.
    relations: what stands below a row: lists, referenced rows of several columns, functions.
    writes: which writes clients have. Without one the resource is read-only.
    etag: the columns whose values are the version of a row, or DIGEST: a digest of the row. With
        columns of other tables, the repository has `etag_sql`.
    soft_delete: the column that DELETE sets to the present time. Such rows are not shown. It need
        not be a field.
    import_key: the columns by which an import finds the row to change, if `import_columns` would
        be others.
    analytics: whether analysts may query the table.
    tenant: the column of the tenant, Via(column), or SHARED. Empty: there are no tenants.
    global_unique: the unique keys over all tenants. A violation reveals that a value is taken.
    graphql: what GraphQL has of the resource, if not everything.
    """

    name: str
    singular: str
    table: str
    group: str
    key: Field | Sequence[Field]
    fields: Sequence[Field]
    description: str = ""
    scope: str = ""
    constraints: Sequence[Constraint] = ()
    filters: Sequence[Field] = ()
    relations: Sequence[Many | One | Function] = ()
    writes: Sequence[Write] = EVERY_WRITE
    etag: str | Sequence[str] = DIGEST
    soft_delete: str = ""
    import_key: Columns = ()
    analytics: bool = False
    tenant: str | Via = ""
    global_unique: Sequence[Columns] = ()
    graphql: GraphQL = EVERYTHING

    def __post_init__(self) -> None:
        problems = [*_wrong_names(self), *_wrong_fields(self), *_wrong_relations(self)]
        problems += wrong_tenant(self)
        if problems:
            raise DeclarationError("; ".join(f"{self.name}: {problem}" for problem in problems))

    @cached_property
    def schema_and_table(self) -> tuple[str, str]:
        """The schema of the table, and its name in it."""
        schema, _, name = self.table.partition(".")
        return schema, name

    @cached_property
    def keys(self) -> tuple[Field, ...]:
        """The fields of the key, always as a tuple."""
        return (self.key,) if isinstance(self.key, Field) else tuple(self.key)

    @cached_property
    def all_fields(self) -> tuple[Field, ...]:
        """The key and the other fields, in the order of a response."""
        return (*self.keys, *self.fields)

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.all_fields}

    @property
    def writable(self) -> tuple[Field, ...]:
        """The fields that a POST may set."""
        return tuple(field for field in self.all_fields if not field.read_only)

    @property
    def changeable(self) -> tuple[Field, ...]:
        """The fields that a PUT or PATCH may set. The key is not one of them."""
        fixed = self.keys
        return tuple(f for f in self.writable if not f.create_only and f not in fixed)

    @cached_property
    def converted(self) -> tuple[Field, ...]:
        """The fields whose values are bound as a text that the kind makes."""
        return tuple(field for field in self.writable if field.needs_text)

    @cached_property
    def refs(self) -> tuple[One, ...]:
        """The foreign keys: those of single fields, in their order, then those of several.

        One that clients see by another field than the key is not expanded.
        """
        single = (
            One(ref.relation, ref.resource, (field.column,), field.expand and not ref.by)
            for field in self.all_fields
            if (ref := field.reference) is not None
        )
        return (*single, *(each for each in self.relations if isinstance(each, One)))

    @cached_property
    def lists(self) -> tuple[Many, ...]:
        """The lists below a row."""
        return tuple(each for each in self.relations if isinstance(each, Many))

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The functions on a row."""
        return tuple(each for each in self.relations if isinstance(each, Function))

    @property
    def has_tenant(self) -> bool:
        """Whether each row belongs to a tenant."""
        return self.tenant not in ("", SHARED)

    @cached_property
    def is_lockable(self) -> bool:
        """Whether the functions' role may lock rows: it may if a write changes or deletes them."""
        return bool(self.group and {*self.writes} - {"create"})

    @cached_property
    def import_columns(self) -> tuple[str, ...]:
        """The columns by which an import finds the row to change. Without: inserts only.

        By default it is the key, unless the database generates it. The tenant's column in it is
        that of the file. Otherwise it is the only unique constraint whose columns cannot be NULL.
        ON CONFLICT finds no deferrable one.
        """
        if self.import_key:
            return names_of(self.import_key)
        if all(not key.read_only or key.column == self.tenant for key in self.keys):
            return tuple(key.column for key in self.keys)
        never_null = {field.column for field in self.all_fields if not field.nullable}
        unique: set[tuple[str, ...]] = {(field.column,) for field in self.fields if field.unique}
        unique |= {tuple(each.columns) for each in self.constraints if each.kind == "unique"}
        unique -= {tuple(each.columns) for each in self.constraints if each.deferrable}
        found = [columns for columns in unique if never_null.issuperset(columns)]
        return found[0] if len(found) == 1 else ()

    @property
    def scope_prefix(self) -> str:
        """The prefix of the scopes `…:read` and `…:write`."""
        return self.scope or self.name


def _wrong_names(resource: Resource) -> Iterator[str]:
    """Yield what is wrong with the names of the resource, its table and its columns."""
    if resource.group and not NAME.fullmatch(resource.group):
        yield f"the group {resource.group!r} must have a name of a-z, 0-9 and _"
    if not all(resource.schema_and_table):
        yield f"the table {resource.table} has no schema, as public.{resource.name} has"
    columns = (name for field in resource.all_fields for name in (field.name, field.column))
    for name in dict.fromkeys((*resource.schema_and_table, *columns)):
        if len(name.encode()) > MAX_NAME_BYTES:
            yield f"the name {name} is longer than the {MAX_NAME_BYTES} bytes of PostgreSQL's names"


def _wrong_fields(resource: Resource) -> Iterator[str]:
    """Yield what is wrong with the fields, and with the columns that the resource names."""
    if len(resource.keys) > MAX_KEY_COLUMNS:
        yield f"a key has at most {MAX_KEY_COLUMNS} columns"
    if not resource.etag:
        yield "`etag` names no column: leave it out for a digest of the row"
    unknown = set(resource.writes) - {*EVERY_WRITE}
    if unknown or isinstance(resource.writes, str):
        yield f"`writes` is a list of {', '.join(EVERY_WRITE)}"
    yield from (
        f"{problem}: {', '.join(sorted(names))}"
        for problem, names in (
            ("declared twice", _repeated(field.name for field in resource.all_fields)),
            ("fields that write one column", _repeated(f.column for f in resource.writable)),
            ("no such column", _named_columns(resource) - _columns(resource)),
        )
        if names
    )
    yield from _wrong_defaults(resource.writable)


def _wrong_defaults(fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        try:
            field.default_value()
        except ValidationFailed as error:
            yield f"the default of {field.name} {error.errors[0].message}"


def _repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def _columns(resource: Resource) -> set[str]:
    return {field.column for field in resource.all_fields}


def _named_columns(resource: Resource) -> set[str]:
    """Return the columns that are named beside the fields."""
    keys = [resource.import_columns, *(each.columns for each in resource.constraints)]
    return {name for key in (*keys, *(one.foreign_key for one in resource.refs)) for name in key}


def _wrong_relations(resource: Resource) -> Iterator[str]:
    """Yield what is wrong with the relations, each of which is a name below a row."""
    names = [each.name for each in (*resource.relations, *resource.all_fields)]
    names += [one.name for one in resource.refs if one.expand and one not in resource.relations]
    if _repeated(names):
        taken = ", ".join(sorted(_repeated(names)))
        yield f"two fields, relations or functions are named {taken}: rename one, or expand=False"
    for many in resource.lists:
        if many.through and not (many.other_key and "." in many.through):
            yield f"the relation {many.name} needs the schema of `through`, and `other_key`"
        if not many.through and (many.other_key or many.payload or many.tenant):
            parts = "`other_key`, `payload` or `tenant`"
            yield f"the relation {many.name} has {parts} without `through`"
        yield from _wrong_further_fields(f"the relation {many.name}", many.payload)
    for function in resource.functions:
        yield from _wrong_function(function)


def _wrong_function(function: Function) -> Iterator[str]:
    what = f"the function {function.name}"
    known = (ROW, ROWS) if function.stable else (ROW, NOTHING)
    yield from _wrong_further_fields(what, function.arguments)
    if "." not in function.function:
        yield f"the function {function.function} has no schema, as public.{function.name} has"
    if isinstance(function.returns, Field):
        yield from _wrong_further_fields(what, [function.returns])
    elif function.returns not in known:
        kind = "a stable function" if function.stable else "a function that writes"
        yield f"{what} must return a field, {' or '.join(map(repr, known))}: it is {kind}"


def _wrong_further_fields(what: str, fields: Sequence[Field]) -> Iterator[str]:
    """Yield what is wrong with fields that are no columns of the table."""
    yield from _wrong_defaults(fields)
    for name in sorted(_repeated(field.name for field in fields)):
        yield f"{what} has two fields named {name}"
    for field in fields:
        if not NAME.fullmatch(field.name):
            yield f"{what} has a field {field.name!r}, which must have a name of a-z, 0-9 and _"
