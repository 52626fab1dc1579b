"""Notes of drift: what changed since a resource was adopted, and what it could have now."""

from collections.abc import Iterator, Mapping, Sequence

from catalog.classify import draft
from catalog.columns import column_kinds
from catalog.compare_columns import ComparedTable
from catalog.compare_kinds import wider
from catalog.draft import AdoptRequest, DraftResource
from catalog.expression import Expression
from catalog.findings import Edit, Finding
from catalog.snapshot import Snapshot
from sluice.kinds.field import Field
from sluice.resource import Resource


def notes(each: ComparedTable, then: Snapshot | None) -> Iterator[Finding]:
    """Yield what the table has now and had not when the resource was adopted."""
    if then is None or each.then is None:
        return
    yield from _new_columns(each)
    drafted = draft(then, AdoptRequest(app="then", tables=(), known=[each.resource]))
    before = dict(_lines(drafted.resources, each.resource))
    kinds = column_kinds(each.then, then)[0]
    for field in each.resource.all_fields:
        if field.column not in each.table.by_name or field.column not in kinds:
            continue
        attribute = "key" if field in each.resource.keys else "fields"
        options = wider(field, each.kinds[field.column], kinds[field.column])
        if options:
            edit = Edit(action="change", attribute=attribute, name=field.name, options=options)
            yield _note(each, field.column, "its values can be larger now", edit)
        more = _more_lists(each.lines.get(field.column), before.get(field.column), field)
        if more:
            edit = Edit(action="change", attribute=attribute, name=field.name, options=more)
            yield _note(each, field.column, "a new index answers lists by it", edit)


def new_tables(
    resources: Sequence[Resource], snapshot: Snapshot, then: Mapping[str, Snapshot]
) -> Iterator[Finding]:
    """Yield the tables that were not there, in the schemas of the application."""
    if not then:
        return
    known = {name for each in then.values() for name in each.tables_by_name}
    known |= {resource.table for resource in resources}
    known |= {many.through for resource in resources for many in resource.lists}
    schemas = {resource.schema_and_table[0] for resource in resources}
    for name, table in snapshot.tables_by_name.items():
        if table.schema in schemas and name not in known:
            message = f"the table is new; make adopt TABLES='{name}' plans it"
            yield Finding("", name, message, is_difference=False)


def _new_columns(each: ComparedTable) -> Iterator[Finding]:
    known = {field.column for field in each.resource.all_fields}
    known |= {*(each.then.by_name if each.then else ())}
    for column in each.table.columns:
        line = each.lines.get(column.name)
        kind = each.kinds[column.name]
        is_free = kind.is_nullable or kind.default is not None or column.identity
        if column.name not in known and line is not None and (is_free or not each.is_created):
            edit = Edit(action="add", attribute="fields", expression=line)
            yield _note(each, column.name, "the column is new", edit)


def _more_lists(now: Expression | None, then: Expression | None, field: Field) -> dict[str, object]:
    """Return the filters and the sort that an index has made possible since."""
    if now is None or then is None:
        return {}
    found: dict[str, object] = {}
    operators = {*_names(now.options.get("filter"))} - {*_names(then.options.get("filter"))}
    if operators - {*field.operators}:
        wanted = [*field.operators, *sorted(operators - {*field.operators})]
        found["filter"] = wanted[0] if len(wanted) == 1 else wanted
    if now.options.get("sort") and not then.options.get("sort") and not field.sort:
        found["sort"] = True
    return found


def _names(value: object) -> Sequence[str]:
    if isinstance(value, str):
        return [value]
    return [str(each) for each in value] if isinstance(value, list) else []


def _lines(
    drafted: Sequence[DraftResource], resource: Resource
) -> Iterator[tuple[str, Expression]]:
    for each in drafted:
        if str(each.table) == resource.table:
            for member in (*each.key, *each.fields):
                if member.expression is not None:
                    yield member.column, member.expression


def _note(each: ComparedTable, column: str, message: str, edit: Edit) -> Finding:
    return Finding(each.resource.name, each.subject(column), message, edit, is_difference=False)
