"""What of a declaration is served. The rest is refused, never ignored."""

import re
from collections import Counter
from collections.abc import Iterator

from sluice.kinds.field import DeclarationError, Field
from sluice.resource import NAME, Resource
from sluice.sql.connections import PARENT_PARAMETERS
from sluice.sql.key import PARAMETERS
from sluice.sql.list_spec import OF, PARENT
from sluice.tenants import TENANT_PARAMETER

# Statements have parameters of their own, beside one for each field and filter.
CREATE_PARAMETERS = frozenset({"key", "fingerprint"})
UPDATE_PARAMETERS = frozenset({"if_match", "if_none_match"})
# Those of statements, and those of the query string of a list.
LIST_PARAMETERS = frozenset(
    {
        *("limit", "fetch", "offset", *PARENT_PARAMETERS, *OF),
        *("cursor", "sort", "fields", "include_total", "expand"),
    }
)
POSITION = re.compile(r"[ks][0-9]+", re.ASCII)  # the keys of a position, in parameters and rows


def require_supported(resource: Resource) -> None:
    """Raise DeclarationError if the resource has something that is not served yet."""
    problems = [*_unsupported(resource), *_reserved(resource)]
    if problems:
        raise DeclarationError("; ".join(f"{resource.name}: {problem}" for problem in problems))


def _unsupported(resource: Resource) -> Iterator[str]:
    if not resource.group:
        return
    if not resource.changeable and {"replace", "update"} & {*resource.writes}:
        yield "no field can be changed: leave replace and update out of `writes`"
    for key in resource.keys:
        if not key.is_key:
            yield f"the key {key.name} cannot be a {type(key).__name__}"
        if key.nullable:
            yield f"the key {key.name} cannot be nullable"


def _reserved(resource: Resource) -> Iterator[str]:
    """Yield the fields and filters whose names mean something else in a statement or a URL."""
    for field in (*resource.all_fields, *resource.filters):
        if resource.has_tenant and TENANT_PARAMETER in (field.name, *field.filters()):
            yield f"the name {TENANT_PARAMETER} is reserved for the tenant: rename {field.name}"
    for what, name in _names(resource):
        if not NAME.fullmatch(name):
            yield f"the {what} {name!r} must have a name of a-z, 0-9 and _, from a letter"
    for field in resource.all_fields:
        if _is_reserved(field, resource):
            other = f'give the field another name, with column="{field.column}"'
            yield f"the name {field.name} is reserved: {other}"
        is_parent = field.column == PARENT and any(each.reference for each in resource.all_fields)
        if POSITION.fullmatch(field.column) or is_parent:
            yield f"the column {field.column} has the name of a sort key in a page's statement"
    for field in (*resource.all_fields, *resource.filters):
        for name in field.filters() or ([field.name] if field in resource.filters else []):
            if name in LIST_PARAMETERS or POSITION.fullmatch(name):
                yield f"the filter {name} is a parameter of every list: set filter_name"
    yield from (
        f"two filters are named {name}: set filter_name"
        for name, count in Counter(_filter_names(resource)).items()
        if count > 1
    )


def _names(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield each name that is a part of a path, a query string, a body or GraphQL."""
    yield "collection", resource.name
    yield "row", resource.singular
    for field in (*resource.all_fields, *resource.filters):
        yield "field", field.name
        yield "filter", field.filter_name
        if field.reference is not None:
            yield "relation", field.reference.relation
    for relation in resource.relations:
        yield "relation", relation.name


def _filter_names(resource: Resource) -> Iterator[str]:
    """Yield the name of each filter. All searched fields have one filter, `search`."""
    for field in resource.all_fields:
        yield from field.filters()
    for field in resource.filters:
        yield from field.filters() or [field.name]
    if any(field.search for field in resource.all_fields):
        yield "search"


def _update_parameters(resource: Resource) -> frozenset[str]:
    return UPDATE_PARAMETERS.union(PARAMETERS[: len(resource.keys)])


def _is_reserved(field: Field, resource: Resource) -> bool:
    if field in resource.changeable and field.name in _update_parameters(resource):
        return True
    return field in resource.writable and field.name in CREATE_PARAMETERS
