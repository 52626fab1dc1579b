"""What is wrong with the tenants of an application: what only all declarations show."""

from collections.abc import Iterator

from scripts.derive.references import Problem
from scripts.derive.scan import Found, FoundResource
from sluice.resource import SHARED, Resource, Via
from sluice.tenant_columns import tenant_column, tenant_field


def problems(found: Found) -> Iterator[Problem]:
    """Yield the problems of each resource, in an application in which one has a tenant."""
    resources = [each.resource for each in found.resources]
    if not any(each.has_tenant for each in resources):
        yield from _links_without(found)
        return
    first = next(filter(None, map(tenant_field, resources)), None)
    for each in found.resources:
        yield from _of_resource(found, each)
        field = tenant_field(each.resource)
        if field and first and field.sql_type != first.sql_type:
            message = f"the tenant is {field.sql_type} here, and {first.sql_type} elsewhere"
            yield each, field.name, message
    if first is None:
        yield found.resources[0], "", "no resource has a column of the tenant: `tenant` names one"


def _links_without(found: Found) -> Iterator[Problem]:
    for each in found.resources:
        for many in each.resource.lists:
            if many.tenant:
                yield each, many.name, "the relation has a tenant, and no resource has one"


def _of_resource(found: Found, each: FoundResource) -> Iterator[Problem]:
    resource = each.resource
    if resource.group and not resource.tenant:
        yield (
            each,
            "",
            "it has no `tenant`, and other resources have one: set it to the column, to "
            "Via(column) or to SHARED",
        )
    if isinstance(resource.tenant, Via):
        message = _wrong_chain(found, resource)
        if message:
            yield each, resource.tenant.column, message
    if resource.has_tenant:
        return
    for one in resource.refs:
        other = found.named(one.resource)
        if other and other.resource.has_tenant:
            how = "shared" if resource.tenant == SHARED else "without a tenant"
            message = f"the rows are {how}, and {one.resource} has a tenant: set `tenant`"
            yield each, one.foreign_key[0], message


def _wrong_chain(found: Found, resource: Resource) -> str:
    """Return what is wrong with the way from a row to its tenant. Empty: it ends at a column."""
    seen = [resource.name]
    while isinstance(resource.tenant, Via):
        column = tenant_column(resource)
        one = next(one for one in resource.refs if tuple(one.foreign_key) == (column,))
        other = found.named(one.resource)
        if other is None:
            return ""  # another check says so
        if other.resource.name in seen:
            return f"Via({column!r}) leads back to {other.resource.name}, never to a column"
        seen.append(other.resource.name)
        resource = other.resource
    return "" if resource.has_tenant else f"Via leads to {resource.name}, which has no tenant"
