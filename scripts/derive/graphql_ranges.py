"""The GraphQL types of ranges: an object and an input for each type of range that is used."""

from collections.abc import Iterator

from catalog.graphql_names import items_of
from scripts.derive.graphql_text import Member, definition, further_fields
from scripts.derive.scan import Found
from sluice.graph.part import graphql_name
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.kinds.range import Range
from sluice.resource import Resource

DESCRIPTIONS = {
    "lower": "The lower bound, or null without one.",
    "upper": "The upper bound, or null without one.",
    "lower_inclusive": "Whether the range includes its lower bound.",
    "upper_inclusive": "Whether the range includes its upper bound.",
    "empty": "Whether the range includes nothing.",
}


def ranges_of(found: Found) -> dict[str, Range]:
    """Return a field of each type of range, by the name of the type.

    One whose bounds can have more values (ExtendedDate) comes before others.
    """
    fields = (field for each in found.resources if each.is_served for field in _all(each.resource))
    ranges = [field for field in fields if isinstance(field, Range)]
    ranges.sort(key=lambda field: field.of.graphql_type.startswith("Extended"))
    return {field.graphql_type: field for field in ranges}


def range_definitions(found: Found) -> Iterator[str]:
    """Yield the types of the ranges, and their inputs."""
    for name, field in ranges_of(found).items():
        yield definition("type", name, f"A range ({field.sql_type}).", _members(field))
        text = f"A range ({field.sql_type}). Without more it includes its lower bound only."
        yield definition("input", field.graphql_input_type, text, _members(field, is_input=True))


def _all(resource: Resource) -> Iterator[Field]:
    for field in resource.all_fields:
        yield from field.item_fields if isinstance(field, Items) else (items_of(field),)
    yield from (items_of(field) for _, field in further_fields(resource))


def _members(field: Range, *, is_input: bool = False) -> Iterator[Member]:
    for name, member in field.members.items():
        is_flag = member.graphql_type == "Boolean"
        end = "!" if is_flag and not is_input else ""
        type_ = member.graphql_input_type if is_input else member.graphql_type
        yield Member(graphql_name(name), type_ + end, DESCRIPTIONS[name])
