"""Drift: what differs between the declarations of an application and a live catalogue.

A difference changes a response. A note does not: it says what a declaration could have. The columns
of a declared table are classified as `adopt` does it, and compared by column. What a person made
narrower than the database is no difference.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.classify import draft
from catalog.compare_columns import ComparedTable, columns
from catalog.compare_tables import relations, table
from catalog.draft import AdoptRequest, Draft
from catalog.drift_notes import new_tables, notes
from catalog.expression import Expression
from catalog.findings import REMOVED, Edit, Finding
from catalog.indexes import missing
from catalog.snapshot import Snapshot, TableSnapshot
from sluice.application import Application
from sluice.kinds.field import Field
from sluice.resource import Resource
from sluice.sql.derived import Repository


@dataclass(frozen=True, kw_only=True)
class DeclaredApplication:
    """What is compared.

    routes: the resources whose routes are by hand.
    rules: the constraints whose violation is an error of the application's own.
    """

    name: str
    resources: Sequence[Resource]
    repositories: Mapping[str, Repository]
    routes: Collection[str] = ()
    rules: Collection[str] = ()


def declared(app: Application) -> DeclaredApplication:
    """Return what an application declares."""
    return DeclaredApplication(
        name=app.name,
        resources=app.declarations(),
        repositories={name: app.load("repositories", name) for name in app.repositories},
        routes=[*app.registry.ROUTES],
        rules=[*app.constraint_errors],
    )


def drift(
    app: DeclaredApplication, snapshot: Snapshot, then: Mapping[str, Snapshot] | None = None
) -> list[Finding]:
    """Return the differences, then the notes, each in the order of the resources.

    then: the catalogue from which each resource was adopted. Without it there are no notes.
    """
    then = then or {}
    by_name = {resource.name: resource for resource in app.resources}
    tables = snapshot.tables_by_name
    present = [resource for resource in app.resources if _has_key(resource, tables)]
    now = draft(snapshot, AdoptRequest(app=app.name, tables=(), known=present))
    found: list[Finding] = []
    for resource in app.resources:
        if resource.table not in tables:
            edit = Edit(action="remove", attribute="")
            found.append(Finding(resource.name, resource.table, "the table is gone", edit))
            continue
        each = ComparedTable(
            resource=resource,
            table=tables[resource.table],
            snapshot=snapshot,
            repository=app.repositories.get(resource.name),
            then=_table_then(resource, then),
            lines=_lines(now, resource),
            has_routes=resource.name in app.routes,
            rules=app.rules,
        )
        found += columns(each)
        found += table(each)
        found += relations(each, by_name)
        found += notes(each, then.get(resource.name))
    found += _without_index(app, tables)
    found += new_tables(app.resources, snapshot, then)
    order = {name: at for at, name in enumerate(by_name)}
    return sorted(
        found, key=lambda each: (not each.is_difference, order.get(each.resource, len(order)))
    )


def _has_key(resource: Resource, tables: Mapping[str, TableSnapshot]) -> bool:
    found = tables.get(resource.table)
    return found is not None and all(key.column in found.by_name for key in resource.keys)


def _table_then(resource: Resource, then: Mapping[str, Snapshot]) -> TableSnapshot | None:
    known = then.get(resource.name)
    return known.tables_by_name.get(resource.table) if known else None


def _lines(now: Draft, resource: Resource) -> dict[str, Expression]:
    """Return the declaration of each column of a resource."""
    return {
        member.column: member.expression
        for each in now.resources
        if str(each.table) == resource.table
        for member in (*each.key, *each.fields)
        if member.expression is not None
    }


def _without_index(
    app: DeclaredApplication, tables: Mapping[str, TableSnapshot]
) -> Iterator[Finding]:
    """Yield the filters, sorts and lists that no index answers, each with the index."""
    by_name = {resource.name: resource for resource in app.resources}
    for name, what, ddl in missing(app.repositories.values(), tables):
        resource = by_name[name]
        if not _names_gone_columns(resource, what, tables):
            edit = _without(resource, what)
            message = f"no index answers the {what}: {ddl}"
            yield Finding(name, resource.table, message, edit)


def _without(resource: Resource, what: str) -> Edit | None:
    """Return how a declaration does without a list: `sort name` or `filter name (operator)`."""
    kind, name, *operator = what.replace("(", "").replace(")", "").split()
    if kind == "list":
        return Edit(action="remove", attribute="relations", name=name)
    field = _field(resource, kind, name)
    if field is None:
        return None
    options: dict[str, object] = {"sort": REMOVED}
    if operator:
        left = [each for each in field.operators if each != operator[0]]
        options = {"filter": left[0] if len(left) == 1 else left or REMOVED}
    attribute = "key" if field in resource.keys else "fields"
    return Edit(action="change", attribute=attribute, name=field.name, options=options)


def _field(resource: Resource, kind: str, name: str) -> Field | None:
    """Return the field with this sort, or with filters of this name."""
    for field in resource.all_fields:
        if name == (field.name if kind == "sort" else field.filter_name):
            return field
    return None


def _names_gone_columns(resource: Resource, what: str, tables: Mapping[str, TableSnapshot]) -> bool:
    """Return whether the column of a filter or sort is gone, which is reported already."""
    found = tables.get(resource.table)
    kind, name, *_ = what.split()
    field = _field(resource, kind, name)
    return found is not None and field is not None and field.column not in found.by_name
