"""Compare the fields of a resource with the columns of its table."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from catalog.columns import ColumnKind, column_kinds
from catalog.compare_kinds import changes
from catalog.defaults import is_null
from catalog.expression import Expression
from catalog.findings import REMOVED, Edit, Finding
from catalog.indexes import plain
from catalog.snapshot import Snapshot, TableColumn, TableSnapshot
from sluice.kinds.field import Field
from sluice.resource import Resource
from sluice.sql.identifiers import quoted
from sluice.sql.resource_repository import ResourceRepository
from sluice.tenant_columns import tenant_column

# What a repository has by hand if it sets values of a new row.
CREATES = ("before_create", "before_write", "create", "inserts", "defaults")
WITHOUT_CONSTRAINTS = ("v", "m", "f")  # TableSnapshot.kind: the catalogue does not know NOT NULL


@dataclass(frozen=True)
class ComparedTable:
    """A declared resource and its table, now and when it was adopted.

    repository: None for a resource that no function serves.
    then: the table at that time. None: not known.
    lines: the line of each column, as `adopt` would write it. constraints: those of the table.
    has_routes: whether its routes are by hand.
    rules: the constraints whose violation is an error of the application's own.
    """

    resource: Resource
    table: TableSnapshot
    snapshot: Snapshot
    repository: type[ResourceRepository] | None
    then: TableSnapshot | None
    lines: dict[str, Expression]
    constraints: Sequence[Expression]
    has_routes: bool
    rules: Collection[str]

    @cached_property
    def kinds(self) -> dict[str, ColumnKind]:
        """The kind of each column."""
        return column_kinds(self.table, self.snapshot)[0]

    @cached_property
    def creates_by_rule(self) -> bool:
        """Whether a rule or SQL by hand, or a trigger, sets values of a new row."""
        inherited = {*ResourceRepository.__mro__}
        classes = self.repository.__mro__ if self.repository else ()
        names = {name for each in classes if each not in inherited for name in vars(each)}
        by_hand = self.repository is None or self.has_routes or not names.isdisjoint(CREATES)
        return by_hand or any(
            trigger.timing == "BEFORE" and "INSERT" in trigger.events and trigger.is_enabled
            for trigger in self.table.triggers
        )

    @cached_property
    def ruled(self) -> set[str]:
        """The columns of CHECKs whose violation is an error of its own, or of a Constraint."""
        rules = {*self.rules, *(each.name for each in self.resource.constraints)}
        return {
            column
            for each in self.table.constraints
            if each.kind == "c" and each.name in rules
            for column in each.columns
        }

    @property
    def is_created(self) -> bool:
        """Whether clients create rows."""
        return "create" in self.resource.writes

    def subject(self, column: str) -> str:
        """Return the column as a person writes it."""
        return f"{self.table.qualified}.{column}"


def columns(each: ComparedTable) -> Iterator[Finding]:
    """Yield what differs: columns that are gone, changed, or that a new row needs."""
    keys = {*each.resource.keys}
    for field in each.resource.all_fields:
        if field.in_table and not field.resource:
            yield from _field(each, field, "key" if field in keys else "fields")
    yield from _needed(each)


def _field(each: ComparedTable, field: Field, attribute: str) -> Iterator[Finding]:
    column = each.table.by_name.get(field.column)
    by_hand = each.repository.column_sql if each.repository else {}
    if column is None:
        if field.name not in by_hand:
            edit = Edit(action="remove", attribute=attribute, name=field.name)
            yield _finding(each, field.column, "the column is gone", edit)
        return
    kind = each.kinds[column.name]
    declared = field.reference.key if field.reference is not None else field
    if field.reference is None and field.name in by_hand:
        return
    written = bool(each.resource.writes) and not field.read_only
    written = written and column.name not in each.ruled
    changed = False
    for change in changes(declared, kind, is_written=written):
        changed = True
        edit = Edit(
            action="change",
            attribute=attribute,
            name=field.name,
            expression=change.kind,
            options=change.options,
        )
        if kind.expression is None:
            edit = Edit(action="remove", attribute=attribute, name=field.name)
        yield _finding(each, column.name, change.message, edit)
    if kind.expression is not None and not changed:
        for message, options in _options(each, field, column):
            edit = Edit(action="change", attribute=attribute, name=field.name, options=options)
            yield _finding(each, column.name, message, edit)


def _options(
    each: ComparedTable, field: Field, column: TableColumn
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what differs in the options of a field, and the options that it should have."""
    kind = each.kinds[column.name]
    if each.table.kind not in WITHOUT_CONSTRAINTS and field not in each.resource.keys:
        is_tenant = field.column == tenant_column(each.resource)  # compare_tenants.py
        if kind.is_nullable and not (field.nullable or column.generated or is_tenant):
            yield "it may be NULL", {"nullable": True}
        if field.nullable and not kind.is_nullable and not field.read_only:
            yield "it is NOT NULL", {"nullable": REMOVED}
    if field.unique and not is_unique(each.table, field):
        yield "no unique index makes sure that its values are unique", {"unique": REMOVED}
    if not each.resource.writes:
        return
    is_always = column.generated or column.identity == "a"
    if is_always and not field.read_only:
        options: dict[str, object] = {"read_only": True, "optional": REMOVED, "default": REMOVED}
        yield "the database generates its values", options
    if each.is_created and not is_always and not _has_default(column, kind):
        yield from _default(each, field, kind)


def _default(
    each: ComparedTable, field: Field, kind: ColumnKind
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what differs if the column has no default."""
    had_default = each.then is not None and field.column in each.then.by_name
    had_default = had_default and _was_set(each.then, field.column)
    if each.creates_by_rule and not had_default:
        return
    if field.optional and (had_default or not kind.is_nullable):
        yield "it has no default", {"optional": REMOVED}
    is_set = field.column == each.resource.tenant  # each statement sets the tenant
    if field.read_only and not is_set and (had_default or not kind.is_nullable):
        yield "it has no default, so nothing sets it in a new row", {"read_only": REMOVED}


def _was_set(then: TableSnapshot | None, name: str) -> bool:
    column = then.by_name[name] if then is not None else None
    return column is not None and (column.default is not None or bool(column.identity))


def _has_default(column: TableColumn, kind: ColumnKind) -> bool:
    is_set = kind.default is not None and not is_null(kind.default)
    return is_set or bool(column.identity)


def _needed(each: ComparedTable) -> Iterator[Finding]:
    """Yield the columns that a new row needs and that clients cannot send."""
    if not each.is_created or each.creates_by_rule:
        return
    declared = {field.column for field in each.resource.all_fields}
    for column in each.table.columns:
        kind = each.kinds[column.name]
        is_free = kind.is_nullable or _has_default(column, kind) or column.generated
        if column.name not in declared and not is_free:
            line = each.lines.get(column.name)
            edit = Edit(action="add", attribute="fields", expression=line) if line else None
            message = "it is NOT NULL without a default, so a new row needs it"
            yield _finding(each, column.name, message, edit)


def is_unique(table: TableSnapshot, field: Field) -> bool:
    """Return whether a unique index has the column alone, as the field compares it."""
    wanted = {plain(quoted(field.column)), plain(field.sort_key(quoted(field.column)))}
    return any(
        index.is_unique
        and index.is_valid
        and not index.predicate
        and len(index.keys) == 1
        and plain(index.keys[0].sql) in wanted
        for index in table.indexes
    )


def _finding(each: ComparedTable, column: str, message: str, edit: Edit | None) -> Finding:
    return Finding(each.resource.name, each.subject(column), message, edit)
