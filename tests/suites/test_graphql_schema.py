"""The application's schema documents itself, and has only what the engine supports.

GraphiQL and code generators show its descriptions.
"""

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLList,
    GraphQLObjectType,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_object_type,
    is_specified_scalar_type,
)

from sluice.graph.schema import current_schema


def documented_elements() -> Iterator[tuple[str, Any]]:
    """Return each type, field, argument, input field and enum value, with its dotted name."""
    for name, type_ in current_schema().type_map.items():
        if name.startswith("__") or is_specified_scalar_type(type_):
            continue
        yield name, type_
        if is_enum_type(type_):
            for value_name, value in type_.values.items():
                yield f"{name}.{value_name}", value
        elif is_object_type(type_) or is_input_object_type(type_):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field
                for argument_name, argument in getattr(field, "args", {}).items():
                    yield f"{name}.{field_name}({argument_name})", argument


def test_every_element_has_a_description() -> None:
    elements = dict(documented_elements())

    assert len(elements) > 50
    undocumented = [name for name, element in elements.items() if not element.description]
    assert undocumented == []


def test_schema_has_only_types_that_the_executor_supports() -> None:
    """Objects, lists of non-null objects, leaves and lists of these. No interfaces, no unions."""
    for type_ in current_schema().type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
            assert type(type_).__name__ in (
                "GraphQLObjectType",
                "GraphQLScalarType",
                "ReplacementScalar",
                "GraphQLEnumType",
                "GraphQLInputObjectType",
            )
            continue
        assert not type_.interfaces
        for field in type_.fields.values():
            inner = get_nullable_type(field.type)
            if isinstance(inner, GraphQLList):
                item = get_nullable_type(inner.of_type)
                assert is_leaf_type(item) or isinstance(item, GraphQLObjectType)
                assert is_leaf_type(item) or str(inner).endswith("!]")
