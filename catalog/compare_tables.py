"""Compare the key, the constraints, the relations and the functions of a resource with a table."""

from collections.abc import Iterator, Mapping, Sequence

from catalog.compare_columns import ComparedTable
from catalog.compare_kinds import fits
from catalog.expression import evaluate
from catalog.findings import REMOVED, Edit, Finding
from catalog.kinds import NoKind, kind_of, named, resolved
from catalog.snapshot import (
    DatabaseFunction,
    Snapshot,
    TableSnapshot,
    TypeReference,
)
from sluice.kinds.field import Field
from sluice.resource import DIGEST, Constraint, Function, Many, One, Resource, names_of
from sluice.sql.row_security import POLICY

KINDS = {"check": "c", "exclusion": "x"}


def table(each: ComparedTable) -> Iterator[Finding]:
    """Yield what differs in the key, the columns that the resource names, and the constraints."""
    resource = each.resource
    yield from _named_columns(each)
    is_new = each.then is not None and not each.then.has_row_security
    if is_new and each.table.has_row_security and not is_of_tenants(each):
        message = "row-level security is on: only rows that a policy allows are found"
        yield Finding(resource.name, resource.table, message)
    keys = {key.column for key in resource.keys}
    has_key = any(set(columns) <= keys for columns in each.table.unique_columns)
    if resource.writes and keys <= {*each.table.by_name} and not has_key:
        message = f"no unique index makes sure that {', '.join(sorted(keys))} identifies a row"
        yield Finding(resource.name, resource.table, message, _attribute("writes", writes=()))
    for constraint in resource.constraints:
        yield from _constraint(each, constraint)
    if resource.writes and each.then is not None:
        yield from _new_constraints(each, each.then)


def relations(each: ComparedTable, resources: Mapping[str, Resource]) -> Iterator[Finding]:
    """Yield the foreign keys, the tables of links and the functions that are not there."""
    for one in each.resource.refs:
        other = resources.get(one.resource)
        has_columns = {*one.foreign_key} <= {*each.table.by_name}
        if other is not None and has_columns and not each.table.is_view:
            yield from _reference(each, one, other)
    for many in each.resource.lists:
        other = resources.get(many.resource)
        if other is not None:
            yield from _list(each, many, other)
    for function in each.resource.functions:
        yield from _function(each, function)


def is_of_tenants(each: ComparedTable) -> bool:
    """Return whether row-level security has the policy that separates tenants."""
    return each.resource.has_tenant and POLICY in each.table.policies


def _named_columns(each: ComparedTable) -> Iterator[Finding]:
    resource = each.resource
    fields = {field.column for field in resource.all_fields}
    named_by = {"soft_delete": names_of(resource.soft_delete) if resource.soft_delete else ()}
    named_by["etag"] = () if resource.etag == DIGEST else names_of(resource.etag)
    named_by["import_key"] = names_of(resource.import_key)
    for attribute, columns in named_by.items():
        for column in columns:
            is_own = column and "." not in column and column not in fields  # a field is reported
            if is_own and column not in each.table.by_name:
                edit = _attribute(attribute, **{attribute: REMOVED})
                yield Finding(resource.name, each.subject(column), "the column is gone", edit)


def _constraint(each: ComparedTable, declared: Constraint) -> Iterator[Finding]:
    columns = {*declared.columns}
    if not columns <= {*each.table.by_name}:
        return
    if declared.kind == "unique":
        names = {index.name for index in each.table.indexes if index.is_unique}
        found = declared.name in names or any({*k} == columns for k in each.table.unique_columns)
        what = f"no unique constraint has the columns {', '.join(declared.columns)}"
    else:
        found = declared.name in _constraint_names(each, declared.kind)
        what = f"the {declared.kind} constraint {declared.name} is gone"
    if not found:
        name = declared.name or ", ".join(declared.columns)
        edit = Edit(action="remove", attribute="constraints", name=name)
        yield Finding(each.resource.name, each.resource.table, what, edit)


def _new_constraints(each: ComparedTable, then: TableSnapshot) -> Iterator[Finding]:
    """Yield the constraints that the table had not, and whose violation names no field.

    That of a domain may be older than the column.
    """
    declared = each.resource.constraints
    names = {*each.rules, *(found.name for found in then.constraints)}
    names |= {index.name for index in then.indexes}
    names |= {found.name for found in declared if found.name}
    unique = {frozenset(found.columns) for found in declared if not found.name}
    unique |= {frozenset(columns) for columns in then.unique_columns}
    unique |= {frozenset(k.columns) for k in each.table.constraints if k.name in each.rules}
    for expression in each.constraints:
        found = evaluate(expression)
        assert isinstance(found, Constraint)  # noqa: S101 - what adopt declares
        is_known = found.name in names if found.name else frozenset(found.columns) in unique
        if not is_known and found.kind != "domain":
            what = f" {found.name}" if found.name else ""
            message = f"the {found.kind} constraint{what} over {', '.join(found.columns)} is new"
            edit = Edit(action="add", attribute="constraints", expression=expression)
            yield Finding(each.resource.name, each.resource.table, message, edit)


def _constraint_names(each: ComparedTable, kind: str) -> set[str]:
    if kind == "domain":
        return {check.name for type_ in each.snapshot.types for check in type_.checks}
    return {found.name for found in each.table.constraints if found.kind == KINDS[kind]}


def _reference(each: ComparedTable, one: One, other: Resource) -> Iterator[Finding]:
    if has_foreign_key(each.table, one.foreign_key, other.table):
        return
    columns = ", ".join(one.foreign_key)
    message = f"no foreign key references {other.table}"
    field = next(
        (f for f in each.resource.all_fields if (f.column,) == tuple(one.foreign_key)), None
    )
    if field is None or field.reference is None:
        edit = Edit(action="remove", attribute="relations", name=one.name)
    else:
        line = each.lines.get(field.column)
        attribute = "key" if field in each.resource.keys else "fields"
        edit = Edit(action="change", attribute=attribute, name=field.column, expression=line)
    yield Finding(each.resource.name, f"{each.table.qualified}({columns})", message, edit)


def has_foreign_key(found: TableSnapshot, columns: Sequence[str], other: str) -> bool:
    """Return whether the columns reference a row of the other table, also with further columns."""
    return any(
        constraint.kind == "f"
        and constraint.references == other
        and {*constraint.columns} >= {*columns}
        for constraint in found.constraints
    )


def _list(each: ComparedTable, many: Many, other: Resource) -> Iterator[Finding]:
    name = many.through or other.table
    found = each.snapshot.tables_by_name.get(name)
    edit = Edit(action="remove", attribute="relations", name=many.name)
    if found is None:
        if many.through:
            yield Finding(each.resource.name, name, "the table is gone", edit)
        return
    for column in (*many.columns, *many.other_columns):
        if column not in found.by_name:
            subject = f"{name}.{column}"
            yield Finding(each.resource.name, subject, "the column is gone", edit)
    for field in many.payload:
        column_of_link = found.by_name.get(field.column)
        if column_of_link is None:
            subject = f"{name}.{field.column}"
            message = "the column is gone"
            remove = Edit(action="remove", attribute="payload", name=field.name)
            yield Finding(each.resource.name, subject, message, remove)
        elif not _fits(field, column_of_link.type, each.snapshot):
            subject = f"{name}.{field.column}"
            message = f"its type is {column_of_link.type.sql}"
            yield Finding(each.resource.name, subject, message)


def _function(each: ComparedTable, declared: Function) -> Iterator[Finding]:
    edit = Edit(action="remove", attribute="relations", name=declared.name)
    found = [
        function
        for function in each.snapshot.functions
        if f"{function.schema}.{function.name}" == declared.function
    ]
    if len(found) != 1:
        message = "there are several functions of this name" if found else "the function is gone"
        yield Finding(each.resource.name, declared.function, message, edit)
        return
    for message, options in _signature(each, declared, found[0]):
        change = Edit(action="change", attribute="relations", name=declared.name, options=options)
        yield Finding(each.resource.name, declared.function, message, change)


def _signature(
    each: ComparedTable, declared: Function, found: DatabaseFunction
) -> Iterator[tuple[str, dict[str, object]]]:
    if declared.stable and found.volatility == "v":
        yield "it is VOLATILE", {"stable": REMOVED}
    given = len(each.resource.keys) + len(declared.arguments)
    inputs = [argument for argument in found.arguments if argument.mode in ("i", "b", "v")]
    needed = sum(not argument.has_default for argument in inputs)
    if not needed <= given <= len(inputs):
        yield f"it takes {needed} arguments", {}
        return
    pairs = zip(declared.arguments, inputs[len(each.resource.keys) :], strict=False)
    for field, argument in pairs:
        if not _fits(field, argument.type, each.snapshot):
            yield f"its argument {argument.name} is {argument.type.sql}", {}
    returns = found.returns
    if returns is not None:
        if isinstance(declared.returns, Field):
            if not _fits(declared.returns, returns, each.snapshot):
                yield f"it returns {returns.sql}", {}
        elif declared.returns and returns.qualified != each.resource.table:
            yield f"it returns {returns.sql}", {}


def _fits(field: Field, type_: TypeReference, snapshot: Snapshot) -> bool:
    kind = kind_of(resolved(type_, snapshot).type, snapshot)
    if isinstance(kind, NoKind):
        return False
    expected = evaluate(named(kind, field.name))
    declared = field.reference.key if field.reference is not None else field
    return isinstance(expected, Field) and fits(declared, expected)


def _attribute(attribute: str, **options: object) -> Edit:
    return Edit(action="change", attribute=attribute, options=options)
