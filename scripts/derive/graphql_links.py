"""The GraphQL definitions of many-to-many relations: connections, and mutations of links."""

from collections.abc import Collection, Iterator, Mapping

from catalog.graphql_names import title, type_name
from scripts.derive.graphql_text import (
    Member,
    a,
    definition,
    further_type,
    id_argument,
    is_in_graphql,
    words,
)
from scripts.derive.scan import Found
from sluice.graph.part import graphql_name
from sluice.kinds.field import DeclarationError, Field
from sluice.resource import Many, Resource
from sluice.sql.junctions import EDGE
from sluice.sql.key import PARAMETERS
from sluice.sql.links import OTHER


def linked(found: Found, resource: Resource) -> Iterator[tuple[Many, Resource]]:
    """Yield the many-to-many relations that GraphQL has, each with the other resource."""
    for many in resource.lists:
        other = found.named(many.resource)
        if not many.through or other is None or many.name in resource.graphql.hidden:
            continue
        if is_in_graphql(other):
            yield many, other.resource


def owner_of(resource: Resource, many: Many) -> str:
    """Return the start of the names of a relation's types: `DealLabels`."""
    return f"{type_name(resource)}{title(many.name)}"


def link_definitions(found: Found, resource: Resource) -> Iterator[str]:
    """Yield the types of each relation: a page of linked rows, inputs and payloads."""
    one = words(resource.singular)
    for many, other in linked(found, resource):
        owner, each = owner_of(resource, many), words(other.singular)
        yield from page_definitions(
            owner, type_name(other), each, words(many.name), _payload_members(owner, many)
        )
        yield definition(
            "input",
            f"Link{owner}Input",
            "The fields of a link. A field that is left out of an existing link stays unchanged.",
            (
                Member(graphql_name(field.name), _input_type(owner, field), _text(field))
                for field in many.payload
            ),
        )
        row = Member(graphql_name(resource.singular), f"{type_name(resource)}!", f"The {one}.")
        edge = Member("edge", f"{owner}Edge", f"The {each} in the list of the {one}.")
        id_ = Member(other_id(other), "ID!", f"The id of the {each} that was removed.")
        yield definition(
            "type", f"Link{owner}Payload", "A link that was added or changed.", (row, edge)
        )
        yield definition("type", f"Unlink{owner}Payload", "A link that was removed.", (row, id_))


def link_mutations(found: Found, resource: Resource) -> Iterator[tuple[tuple[str, str], Member]]:
    """Yield the fields of Mutation that add and remove links, by verb and relation."""
    one = words(resource.singular)
    for many, other in linked(found, resource):
        if not many.writes:
            continue
        owner, each = owner_of(resource, many), words(other.singular)
        ids = (id_argument(one), Member(other_id(other), "ID!", f"The {each}'s id."))
        input_ = Member("input", f"Link{owner}Input", "The fields of the link.")
        if any(field.required for field in many.payload):
            input_ = input_._replace(type=f"{input_.type}!")
        change = ", or change the fields of their link" if many.payload else ""
        yield (
            ("link", many.name),
            Member(
                f"link{owner}",
                f"Link{owner}Payload",
                f"Link {a(one)} and {a(each)}{change}. Null if an id is unknown.",
                (*ids, *((input_,) if many.payload else ())),
            ),
        )
        text = f"Remove the link of {a(one)} and {a(each)}. Null if there is none."
        yield ("unlink", many.name), Member(f"unlink{owner}", f"Unlink{owner}Payload", text, ids)


def link_entries(
    found: Found, resource: Resource, kept: Collection[tuple[str, str]]
) -> dict[str, Mapping[str, object]]:
    """Return the entries of the types of each relation, as far as their fields are derived."""
    entries: dict[str, dict[str, dict[str, object]]] = {}
    for many, other in linked(found, resource):
        owner = owner_of(resource, many)
        keys, others = PARAMETERS[: len(resource.keys)], OTHER[: len(other.keys)]
        row: dict[str, object] = {graphql_name(resource.singular): (resource.name, keys)}
        edge: dict[str, object] = {"edge": (resource.name, other.name, many.name)}
        entries |= {
            f"{owner}Edge": {
                "columns": {
                    graphql_name(field.name): f"{EDGE}{field.name}" for field in many.payload
                }
            },
            f"Link{owner}Payload": {"rows": row, "edges": edge},
            f"Unlink{owner}Payload": {"rows": row, "columns": {other_id(other): others}},
        }
    for name, entry in entries.items():
        for kind, fields in entry.items():
            entry[kind] = {field: each for field, each in fields.items() if (name, field) in kept}
    return {
        name: {kind: fields for kind, fields in entry.items() if fields}
        for name, entry in entries.items()
        if any(entry.values())
    }


def other_id(other: Resource) -> str:
    """Return the name of the argument with the other row's id."""
    return graphql_name(f"{other.singular}_id")


def page_definitions(
    owner: str, row: str, one: str, many: str, of_edge: Iterator[Member] | tuple[Member, ...] = ()
) -> Iterator[str]:
    """Yield the types of a page of rows and of its edges, which may have more fields."""
    yield definition(
        "type",
        f"{owner}Connection",
        f"A page of {many} (https://relay.dev/graphql/connections.htm).",
        [
            Member("edges", f"[{owner}Edge!]!", f"The {many} of this page, each with its cursor."),
            Member("nodes", f"[{row}!]!", f"The {many} of this page."),
            Member("pageInfo", "PageInfo!", "Where this page is in the whole list."),
            Member(
                "totalCount",
                "Int!",
                f"The number of {many} in the whole list. It is counted only if it is selected.",
            ),
        ],
    )
    cursor = f"The {one}'s position in the list, for `after` and `before`."
    yield definition(
        "type",
        f"{owner}Edge",
        f"{a(one).capitalize()} in a page, with its cursor.",
        [Member("node", f"{row}!", f"The {one}."), Member("cursor", "String!", cursor), *of_edge],
    )


def _payload_members(owner: str, many: Many) -> Iterator[Member]:
    for field in many.payload:
        end = "" if field.nullable else "!"
        name = graphql_name(field.name)
        if name in ("node", "cursor"):
            raise DeclarationError(
                f"{many.name}: GraphQL has no edge with the field {name} of the link: rename it"
            )
        yield Member(name, further_type(owner, field) + end, _text(field))


def _input_type(owner: str, field: Field) -> str:
    return further_type(owner, field, is_input=True) + ("!" if field.required else "")


def _text(field: Field) -> str:
    return field.description or f"The link's {words(field.name)}."
