"""The descriptions of derived GraphQL fields and filters, as plain sentences."""

from scripts.derive.graphql_text import words
from sluice.graph.part import graphql_name
from sluice.kinds.field import Field
from sluice.resource import Resource

RANGES = {
    "_min": "Only {rows} whose {value} is at least this.",
    "_max": "Only {rows} whose {value} is at most this.",
    "_after": "Only {rows} whose {value} is this or later.",
    "_before": "Only {rows} whose {value} is earlier than this.",
}
# Of what is named as an event: created_at, closed_on.
EVENTS = {
    ("_at", "_after"): "Only {rows} {event} at this time or later.",
    ("_at", "_before"): "Only {rows} {event} before this time.",
    ("_on", "_after"): "Only {rows} {event} on this day or later.",
    ("_on", "_before"): "Only {rows} {event} before this day.",
}

EVENT_TYPES = ("DateTime", "ExtendedDateTime", "LocalDateTime", "Date", "ExtendedDate")


def description_of(resource: Resource, field: Field) -> str:
    """Return what the declaration says about the field, or a sentence with its name."""
    one, name = words(resource.singular), words(field.name)
    if field.description:
        return field.description
    if field.name == "updated_at":
        return f"When the {one} was last changed."
    if field.name == "version":
        return f"The {one}'s version, which increases with each change."
    if field.graphql_type == "Boolean":
        return f"Whether the {one} is {_state(field)}."
    if event := _event(field):
        verb = event if event.endswith("s") else f"was {event}"  # starts_at, created_at
        return f"When the {one} {verb}."
    return f"The {one}'s {name}."


def filter_description(resource: Resource, field: Field) -> str:
    """Return what the filter by a value of the field finds."""
    rows, name = words(resource.name), words(field.name)
    if field.graphql_type == "Boolean":
        state = _state(field)
        return f"If true, only {rows} that are {state}. If false, only those that are not."
    if field.reference is not None:
        return f"Only {rows} of the {words(field.reference.relation)} with this id."
    return f"Only {rows} with this {name}."


def values_description(resource: Resource, field: Field) -> str:
    """Return what the filter by several values of the field finds."""
    return f"Only {words(resource.name)} whose {words(field.name)} is one of these."


def range_description(resource: Resource, field: Field, suffix: str) -> str:
    """Return what the filter by a bound finds: `suffix` is that of the filter's name."""
    rows, event = words(resource.name), _event(field)
    text = EVENTS.get((field.name[-3:], suffix))
    if text and event and not event.endswith("s"):
        return text.format(rows=rows, event=event)
    value = f"`{graphql_name(field.name)}`" if event else words(field.name)
    return RANGES[suffix].format(rows=rows, value=value)


def operator_description(resource: Resource, field: Field, operator: str) -> str:
    """Return what a filter finds that is not about the whole value."""
    rows, name = words(resource.name), words(field.name)
    match operator:
        case "prefix":
            return f"Only {rows} whose {name} starts with this."
        case "is_null":
            return f"If true, only {rows} without {name}. If false, only those with it."
        case "has":
            return f"Only {rows} whose {name} has this item."
    return f"Only {rows} whose {name} contains this, at any place and with other members."


def search_description(resource: Resource) -> str:
    """Return what the filter `search` finds."""
    *others, last = [f"the {words(field.name)}" for field in resource.all_fields if field.search]
    names = " or ".join(filter(None, [", ".join(others), last]))
    return f"Words that must all occur in {names}."


def _state(field: Field) -> str:
    return words(field.name.removeprefix("is_"))


def _event(field: Field) -> str:
    """Return what happens at the time of the field: `created_at` → `created`; else nothing."""
    is_event = field.graphql_type in EVENT_TYPES and field.name[-3:] in ("_at", "_on")
    return words(field.name[:-3]) if is_event else ""
