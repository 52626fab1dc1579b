"""Write `<application>/schema.graphql` from the declarations, and say which resolvers it needs.

`<application>/extra.graphql` is by hand. A definition in it replaces the derived one of its name.
`extend type` adds fields to a type, or replaces those of the same name. Definitions that no query
or mutation reaches are left out.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from graphql import (
    EnumTypeDefinitionNode,
    GraphQLError,
    NamedTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    Visitor,
    assert_valid_schema,
    parse,
    print_ast,
    visit,
)

from catalog.graphql_names import enum_name, enum_names, items_of, type_name
from scripts.derive import graphql_entries, graphql_ranges, graphql_roots, graphql_types
from scripts.derive.graphql_text import further_fields
from scripts.derive.scan import Found
from sluice.graph.schema import make_schema
from sluice.kinds.field import DeclarationError

HEAD = "# Derived by `make derive` from the declarations and extra.graphql: do not edit.\n\n"
ROOTS = ("Query", "Mutation")
Definitions = dict[str, Any]  # the definitions of a schema by name


class DerivedSchema(NamedTuple):
    """The schema as text, and GRAPHQL and GRAPHQL_ENUMS of the registry."""

    text: str = ""
    types: Mapping[str, Mapping[str, object]] = {}
    enums: tuple[str, ...] = ()


def files(found: Found) -> dict[Path, str]:
    """Return the schema by its path."""
    schema = derived_schema(found)
    return {found.folder / "schema.graphql": schema.text} if schema.text else {}


@cache
def derived_schema(found: Found) -> DerivedSchema:
    """Return the schema of an application; empty if it has no resource."""
    if not any(each.is_served for each in found.resources):
        return DerivedSchema()
    derived = _named(_derived_text(found))
    merged = _merged(derived, found.folder / "extra.graphql")
    names = _reachable(merged)
    reachable = {name: node for name, node in merged.items() if name in names}
    if "Query" not in reachable:
        return DerivedSchema()
    text = HEAD + "\n\n".join(print_ast(node) for node in reachable.values()) + "\n"
    try:
        assert_valid_schema(make_schema(text))
    except (TypeError, GraphQLError) as error:
        raise DeclarationError(f"{found.app.name}/schema.graphql: {error}") from None
    kept = {
        (name, field)
        for name, node in reachable.items()
        if isinstance(node, ObjectTypeDefinitionNode)
        for field, type_ in _field_types(node).items()
        if name in derived and _field_types(derived[name]).get(field) == type_
    }
    not_upper = {"SortDirection", *_enums_as_they_are(found)}
    enums = tuple(
        name
        for name, node in reachable.items()
        if isinstance(node, EnumTypeDefinitionNode) and name in derived and name not in not_upper
    )
    return DerivedSchema(text, graphql_entries.entries(found, kept, reachable), enums)


def _derived_text(found: Found) -> str:
    served = [each for each in found.resources if each.is_served]
    texts = [
        graphql_roots.SCALARS,
        *graphql_roots.definitions(found),
        *(text for each in served for text in graphql_types.definitions(found, each)),
        *graphql_ranges.range_definitions(found),
        graphql_roots.PAGES,
    ]
    return "\n\n".join(texts)


def _enums_as_they_are(found: Found) -> set[str]:
    """Return the enums whose values are named as they are, and not in upper case."""
    owned = (
        pair
        for each in found.resources
        for pair in (
            *((type_name(each.resource), field) for field in each.resource.all_fields),
            *further_fields(each.resource),
        )
    )
    return {
        enum_name(owner, field)
        for owner, field in owned
        for name, value in enum_names(items_of(field).choices).items()
        if name != value.upper() or value != value.lower()
    }


def _merged(derived: Definitions, extra: Path) -> Definitions:
    """Return the definitions, with those by hand instead of derived ones of the same name."""
    merged = dict(derived)
    try:
        by_hand = parse(extra.read_text()).definitions if extra.is_file() else ()
    except GraphQLError as error:
        raise DeclarationError(f"{extra.name}: {error}") from None
    for node in by_hand:
        if not isinstance(node, ObjectTypeExtensionNode):
            merged[_name(node)] = node
    for node in by_hand:
        if isinstance(node, ObjectTypeExtensionNode):
            merged[_name(node)] = _extended(merged.get(_name(node)), node)
    return merged


def _extended(
    type_: ObjectTypeDefinitionNode | None, extension: ObjectTypeExtensionNode
) -> ObjectTypeDefinitionNode:
    if type_ is None:
        raise DeclarationError(f"extra.graphql extends {_name(extension)}, which does not exist")
    fields = {
        field.name.value: field for field in (*(type_.fields or ()), *(extension.fields or ()))
    }
    return ObjectTypeDefinitionNode(
        name=type_.name, description=type_.description, fields=tuple(fields.values())
    )


class _Names(Visitor):
    """Collect the names of the types that a definition uses."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_named_type(self, node: NamedTypeNode, *_: object) -> None:
        self.found.add(node.name.value)


def _reachable(definitions: Definitions) -> set[str]:
    reached: set[str] = set()
    open_names = [name for name in ROOTS if name in definitions]
    while open_names:
        name = open_names.pop()
        if name not in reached and name in definitions:
            reached.add(name)
            names = _Names()
            visit(definitions[name], names)
            open_names.extend(names.found)
    return reached


def _named(text: str) -> Definitions:
    named: Definitions = {}
    for node in parse(text).definitions:
        if _name(node) in named:
            raise DeclarationError(f"the GraphQL name {_name(node)} would be that of two types")
        named[_name(node)] = node
    return named


def _name(node: Any) -> str:
    return str(node.name.value)


def _field_types(node: Any) -> dict[str, str]:
    return {_name(field): print_ast(field.type) for field in getattr(node, "fields", None) or ()}
