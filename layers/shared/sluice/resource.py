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

Write: TypeAlias = Literal["create", "replace", "update", "delete"]
EVERY_WRITE: Final[tuple[Write, ...]] = ("create", "replace", "update", "delete")
DIGEST: Final = "digest"
MAX_KEY_COLUMNS = 4
MAX_NAME_BYTES = 63  # PostgreSQL cuts a longer name
GROUP = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)  # the name of a folder and a module


class Many(NamedTuple):
    """The rows of another resource that reference this one, as a list below each row in GraphQL.

    REST has no path for that list: it filters the other resource by the foreign key.

    name: the field of the list.
    resource: the name of the other resource.
    foreign_key: the column of the other table, or of `through`, that references this table.
    through: the junction table of a many-to-many relation, with its schema.
    """

    name: str
    resource: str
    foreign_key: str
    through: str = ""


class Via(NamedTuple):
    """The tenant is that of the row that the column references."""

    column: str


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


SHARED: Final = "shared"
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
    unique: the columns of each unique constraint over several columns.
    filters: filters of lists that are no field. The repository has their SQL.
    relations: the lists below a row, in GraphQL.
    writes: which writes clients have. Without one the resource is read-only.
    etag: the columns whose values are the version of a row, or DIGEST: a digest of the row. With
        columns of other tables, the repository has `etag_sql`.
    soft_delete: the column that DELETE sets to the present time. Such rows are not shown.
    import_key: the columns by which an import finds the row to change. Without: inserts only.
    analytics: whether analysts may query the table.
    tenant: the column of the tenant, Via(column), or SHARED.
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
    unique: Sequence[Sequence[str]] = ()
    filters: Sequence[Field] = ()
    relations: Sequence[Many] = ()
    writes: Sequence[Write] = EVERY_WRITE
    etag: str | Sequence[str] = DIGEST
    soft_delete: str = ""
    import_key: Sequence[str] = ()
    analytics: bool = False
    tenant: str | Via = ""
    graphql: GraphQL = EVERYTHING

    def __post_init__(self) -> None:
        problems = [*_wrong_names(self), *_wrong_fields(self)]
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
        """The fields that a PUT or PATCH may set."""
        return tuple(field for field in self.writable if not field.create_only)

    @property
    def scope_prefix(self) -> str:
        """The prefix of the scopes `…:read` and `…:write`."""
        return self.scope or self.name


def _wrong_names(resource: Resource) -> Iterator[str]:
    """Yield what is wrong with the names of the resource, its table and its columns."""
    if resource.group and not GROUP.fullmatch(resource.group):
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
    for field in resource.writable:
        try:
            field.read(field.default, "") if field.default is not None else None
        except ValidationFailed as error:
            yield f"the default of {field.name} {error.errors[0].message}"


def _repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def _columns(resource: Resource) -> set[str]:
    return {field.column for field in resource.all_fields}


def _named_columns(resource: Resource) -> set[str]:
    """Return the columns that are named beside the fields. One column may be a str."""
    import_key = resource.import_key
    keys = [[import_key] if isinstance(import_key, str) else import_key, *resource.unique]
    return {resource.soft_delete, *(name for key in keys for name in key)} - {""}
