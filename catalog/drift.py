"""Drift: what differs between the declarations of an application and a live catalogue.

A difference changes a response. A note does not: it says what a declaration could have. The columns
of a declared table are classified as `adopt` does it, and compared by column. What a person made
narrower than the database is no difference.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.classify import draft
from catalog.compare_columns import ComparedTable, columns
from catalog.compare_tables import relations, table
from catalog.compare_tenants import policies_of, tenants
from catalog.draft import AdoptRequest, Draft
from catalog.drift_notes import new_tables, notes
from catalog.expression import Expression
from catalog.findings import REMOVED, Edit, Finding
from catalog.indexes import Missing, missing
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

    then: the catalogue from which each table was adopted. Without it there are no notes.
    """
    then = then or {}
    by_name = {resource.name: resource for resource in app.resources}
    tables = snapshot.tables_by_name
    present = [resource for resource in app.resources if _has_key(resource, tables)]
    now = draft(snapshot, AdoptRequest(app=app.name, tables=(), known=present))
    has_policies = policies_of(snapshot.tables)
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
            constraints=_constraints(now, resource),
            has_routes=resource.name in app.routes,
            rules=app.rules,
        )
        found += columns(each)
        found += table(each)
        found += relations(each, by_name)
        found += tenants(each, has_policies=has_policies)
        found += notes(each, then.get(resource.table))
    found += _without_index(app, tables)
    found += new_tables(app.resources, snapshot, then)
    order = {name: at for at, name in enumerate(by_name)}
    return sorted(
        _joined(found),
        key=lambda each: (not each.is_difference, order.get(each.resource, len(order))),
    )


def _joined(found: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the findings. Those about one field have the line with all of their options."""
    options: dict[tuple[str, str, str], dict[str, object]] = {}
    for each in found:
        if each.edit is not None and each.is_difference:
            place = (each.resource, each.edit.attribute, each.edit.name)
            options.setdefault(place, {}).update(each.edit.options)
    for each in found:
        edit = each.edit
        if edit is not None and each.is_difference and edit.action == "change":
            all_options = options[each.resource, edit.attribute, edit.name]
            edit = replace(edit, options=all_options)
        yield each._replace(edit=edit)


def _has_key(resource: Resource, tables: Mapping[str, TableSnapshot]) -> bool:
    found = tables.get(resource.table)
    return found is not None and all(key.column in found.by_name for key in resource.keys)


def _table_then(resource: Resource, then: Mapping[str, Snapshot]) -> TableSnapshot | None:
    known = then.get(resource.table)
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


def _constraints(now: Draft, resource: Resource) -> list[Expression]:
    """Return the declarations of the constraints of a resource."""
    drafts = (each for each in now.resources if str(each.table) == resource.table)
    return [constraint for each in drafts for constraint in each.constraints]


def _without_index(
    app: DeclaredApplication, tables: Mapping[str, TableSnapshot]
) -> Iterator[Finding]:
    """Yield the filters, sorts and lists that no index answers, each with the index."""
    by_name = {resource.name: resource for resource in app.resources}
    lists: dict[tuple[str, str, str], list[Missing]] = {}
    for each in missing(app.repositories.values(), tables):
        resource = by_name[each.resource]
        kind, name, *_ = each.what.split()
        field = None if kind == "list" else _field(resource, kind, name)
        if field is None:
            lists.setdefault((each.resource, "relations", name), []).append(each)
        elif field.column in tables[resource.table].by_name:  # otherwise it is reported as gone
            attribute = "key" if field in resource.keys else "fields"
            lists.setdefault((each.resource, attribute, field.name), []).append(each)
    for (owner, attribute, name), needs in lists.items():
        what = " and the ".join(each.what for each in needs)
        ddl = "; ".join(dict.fromkeys(each.ddl for each in needs))
        edit = _without(by_name[owner], attribute, name, needs)
        table_name = by_name[owner].table
        yield Finding(owner, table_name, f"no index answers the {what}: {ddl}", edit)


def _without(resource: Resource, attribute: str, name: str, needs: Sequence[Missing]) -> Edit:
    """Return how a declaration does without a list, or without filters and sorts of a field."""
    if attribute == "relations" or name not in resource.by_name:
        return Edit(action="remove", attribute=attribute, name=name)
    whats = [each.what for each in needs]
    options: dict[str, object] = {}
    if any(what.startswith("sort ") for what in whats):
        options["sort"] = REMOVED
    field = resource.by_name[name]
    left = [each for each in field.operators if not any(w.endswith(f"({each})") for w in whats)]
    if len(left) < len(field.operators):
        options["filter"] = left[0] if len(left) == 1 else left or REMOVED
    return Edit(action="change", attribute=attribute, name=name, options=options)


def _field(resource: Resource, kind: str, name: str) -> Field | None:
    """Return the field with this sort, or with filters of this name."""
    for field in resource.all_fields:
        if name == (field.name if kind == "sort" else field.filter_name):
            return field
    return None
