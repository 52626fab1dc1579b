"""What is wrong with the references between resources: foreign keys, lists below a row, functions.

A declaration checks itself when it is made. Here is what only both declarations show.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from scripts.derive.scan import Found, FoundResource
from sluice.kinds.field import Field, Reference
from sluice.resource import Many, One, Resource
from sluice.sql.junctions import LINK

Problem: TypeAlias = tuple[FoundResource, str, str]  # the resource, the place in it, the message


def problems(found: Found) -> Iterator[Problem]:
    """Yield the problems of each resource."""
    for each in found.resources:
        resource = each.resource
        for field in resource.all_fields:
            if field.reference is not None:
                yield from _problem(each, field.name, _of_field(found, field, field.reference))
        for one in resource.refs:
            place = one.foreign_key[0] if _is_of_field(resource, one) else one.name
            yield from _problem(each, place, _of_one(found, each, one))
        for many in resource.lists:
            yield from _problem(each, many.name, _of_many(found, each, many))
        yield from _problem(each, "", _of_import(resource))


def _problem(each: FoundResource, place: str, message: str) -> Iterator[Problem]:
    if message:
        yield each, place, message


def _of_field(found: Found, field: Field, reference: Reference) -> str:
    """Return what is wrong with a foreign key of one column."""
    named = found.named(reference.resource)
    if named is None:
        return f"no such resource: {reference.resource}"
    other = named.resource
    if len(other.keys) > 1:
        return f"the key of {other.name} has {len(other.keys)} columns: use One in `relations`"
    (key,) = other.keys
    if _kind(reference.key) != _kind(key):
        return (
            f"the reference is {_kind(reference.key)}, and {other.name}.{key.name} is {_kind(key)}"
        )
    if not reference.by:
        return ""
    shown = other.by_name.get(reference.by)
    if shown is None:
        return f"{other.name} has no field {reference.by}"
    if not shown.unique:
        return f"{other.name}.{shown.name} is not unique"
    if _kind(shown) != _kind(field):
        return f"the field is {_kind(field)}, and {other.name}.{shown.name} is {_kind(shown)}"
    return ""


def _of_one(found: Found, each: FoundResource, one: One) -> str:
    """Return what is wrong with a reference: that of a field, or one of several columns."""
    other = found.named(one.resource)
    if other is None:
        return "" if _is_of_field(each.resource, one) else f"no such resource: {one.resource}"
    if one.expand and each.is_served and not other.is_served:
        return f"{one.resource} has no routes, so `?expand=` cannot show it: set expand=False"
    if _is_of_field(each.resource, one):
        return ""
    columns = {field.column: field for field in each.resource.all_fields}
    kinds = [_kind(columns[name]) for name in one.foreign_key]
    return _wrong_kinds(kinds, other.resource)


def _is_of_field(resource: Resource, one: One) -> bool:
    return one not in resource.relations


def _wrong_kinds(kinds: Sequence[str], other: Resource) -> str:
    expected = [_kind(key) for key in other.keys]
    if list(kinds) == expected:
        return ""
    return (
        f"the key of {other.name} is {', '.join(expected)}, and the columns are {', '.join(kinds)}"
    )


def _of_many(found: Found, each: FoundResource, many: Many) -> str:
    """Return what is wrong with a list below a row."""
    named, resource = found.named(many.resource), each.resource
    if named is None:
        return f"no such resource: {many.resource}"
    other = named.resource
    if many.rest and each.is_served and not named.is_served:
        return f"{other.name} has no routes, so its rows cannot be listed: set rest=False"
    if many.payload and LINK in other.by_name:
        return f"{other.name} has a field {LINK}, as the payload of this relation is named"
    if many.through:
        return _wrong_columns(many.columns, resource) or _wrong_columns(many.other_columns, other)
    if not any(tuple(one.foreign_key) == many.columns for one in other.refs):
        return (
            f"{other.name} declares no foreign key of {', '.join(many.columns)}: add a Ref or One"
        )
    one = next(one for one in other.refs if tuple(one.foreign_key) == many.columns)
    if one.resource != resource.name:
        return f"{', '.join(many.columns)} of {other.name} references {one.resource}"
    return ""


def _wrong_columns(columns: Sequence[str], resource: Resource) -> str:
    if len(columns) == len(resource.keys):
        return ""
    return f"{', '.join(columns)}: the key of {resource.name} has {len(resource.keys)} columns"


def _of_import(resource: Resource) -> str:
    columns = set(resource.import_columns)
    unusable = (
        each for each in resource.constraints if each.deferrable and set(each.columns) == columns
    )
    if any(unusable):
        return f"an import cannot find rows by {', '.join(columns)}: the constraint is deferrable"
    return ""


def _kind(field: Field) -> str:
    """Return the kind of a field, with its SQL type if the declaration names it."""
    kind = type(field)
    named = "" if field.sql_type == kind.sql_type else f" of {field.sql_type}"
    return f"{kind.__name__}{named}"
