"""The resolvers of all derived GraphQL fields, as data for the registry."""

from collections.abc import Collection, Mapping

from catalog.graphql_names import type_name
from scripts.derive.graphql_functions import function_entries
from scripts.derive.graphql_links import link_entries, linked
from scripts.derive.graphql_lists import id_filters
from scripts.derive.graphql_ranges import ranges_of
from scripts.derive.graphql_roots import mutations, queries
from scripts.derive.graphql_types import is_reference, item_resource
from scripts.derive.scan import Found, FoundResource
from sluice.graph.part import column_name, graphql_name, member_name
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.resource import One, Resource


def entries(
    found: Found, kept: Collection[tuple[str, str]], names: Collection[str]
) -> dict[str, Mapping[str, object]]:
    """Return what sluice.graph.resource_part needs of each type, by name.

    kept: the fields of the schema whose resolver is derived. names: the definitions of the schema.
    """
    types: dict[str, Mapping[str, object]] = {}
    for each in found.resources:
        if not each.is_served or type_name(each.resource) not in names:
            continue
        types[type_name(each.resource)] = _entry(found, each, kept)
        types |= link_entries(found, each.resource, kept)
        for field in each.resource.all_fields:
            if isinstance(field, Items) and field.name not in each.resource.graphql.hidden:
                item = item_resource(found, field)
                types |= {type_name(item): _columns(found, item, kept)}
    types |= {name: {} for name in ranges_of(found) if name in names}
    return types


def _entry(
    found: Found, each: FoundResource, kept: Collection[tuple[str, str]]
) -> dict[str, object]:
    resource = each.resource
    name = type_name(resource)
    roots = {
        verb: member.name
        for verb, member in queries(resource).items()
        if ("Query", member.name) in kept
    }
    entry: dict[str, object] = {
        "resource": resource.name,
        "scope": resource.scope_prefix,
        "replica": bool(each.repository.reads_replica),
        "needs_tenant": resource.has_tenant,
        "queries": roots,
        "ids": tuple(id_filters(resource)) if "list" in roots else (),
        **_mutations(found, each, kept),
        "key": tuple(_member(key) for key in resource.keys),
        "lists": {
            graphql_name(many.name): (many.resource, ",".join(many.columns))
            for many in resource.lists
            if (name, graphql_name(many.name)) in kept and not many.through
        },
        "links": {
            graphql_name(many.name): (many.resource, many.name)
            for many in resource.lists
            if (name, graphql_name(many.name)) in kept and many.through
        },
        **_columns(found, resource, kept),
    }
    if entry["key"] == ("id",):  # as by default
        del entry["key"]
    return {key: value for key, value in entry.items() if value}


def _mutations(
    found: Found, each: FoundResource, kept: Collection[tuple[str, str]]
) -> dict[str, object]:
    """Return the fields of Mutation: those of rows, of links and of functions."""
    resource = each.resource
    names = {
        verb: member.name
        for verb, member in mutations(found, each).items()
        if ("Mutation", member.name) in kept
    }
    others = {many.name: other for many, other in linked(found, resource)}
    return {
        "mutations": {verb[0]: name for verb, name in names.items() if len(verb) == 1},
        "linking": {
            name: (verb, others[of].name, of, f"{others[of].scope_prefix}:read")
            for (verb, *relation), name in names.items()
            for of in relation
            if verb != "call"
        },
        **function_entries(resource, kept),
    }


def _member(field: Field) -> str:
    """Return the member of a row that has the value of the field's own column."""
    return field.reference.key.name if field.reference else field.name


def _columns(
    found: Found, resource: Resource, kept: Collection[tuple[str, str]]
) -> dict[str, object]:
    """Return the rows of foreign keys, each with its resource and column, and unusual columns."""
    rows: dict[str, tuple[str, str | tuple[str, ...]]] = {}
    columns: dict[str, str] = {}
    for field in resource.all_fields:
        reference, name = field.reference, member_name(resource, field.name)
        if reference is not None and is_reference(found, field):
            rows[graphql_name(reference.relation)] = (reference.resource, reference.key.name)
        elif column_name(name) != field.name:
            columns[name] = field.name
    members = {field.column: _member(field) for field in resource.all_fields}
    for one in resource.relations:
        if isinstance(one, One):
            key = tuple(members[column] for column in one.foreign_key)
            rows[graphql_name(one.name)] = (one.resource, key)
    type_ = type_name(resource)
    found_fields: Mapping[str, Mapping[str, object]] = {"rows": rows, "columns": columns}
    return {
        key: {name: value for name, value in fields.items() if (type_, name) in kept}
        for key, fields in found_fields.items()
        if any((type_, name) in kept for name in fields)
    }
