"""What a declaration says about its tenant: the column, and the unique keys of all tenants."""

from collections.abc import Iterator

from catalog.draft import DraftDecision, DraftResource
from catalog.expression import Expression, Name, evaluate
from catalog.tables import AdoptedTable
from sluice.kinds.field import Field
from sluice.resource import EVERY_WRITE, SHARED, Resource, Via
from sluice.tenant_columns import unique_keys

SHARED_NAME = Name("sluice.resource", "SHARED")
VIA_NAME = Name("sluice.resource", "Via")
OF_TENANT = ("create", "delete")  # what a tenant does not do with itself
UNIQUE = "Unique over all tenants: a 409 reveals that another tenant has the value."


def add(each: AdoptedTable, draft: DraftResource) -> None:
    """Add the options, and the decisions about them."""
    if not each.tenant or (each.has_tenant and not _is_there(each, draft)):
        return
    if each.is_of_tenant:
        _protect(draft)
    keys = [*_of_all_tenants(draft.resource(), each.tenant_column)] if each.has_tenant else []
    draft.options["tenant"] = _value(each.tenant)
    if each.has_tenant and draft.options.get("writes") != ():
        draft.notes += _other_keys(each)
    if keys:
        draft.options["global_unique"] = [key[0] if len(key) == 1 else list(key) for key in keys]
        draft.comments["global_unique"] = UNIQUE
    if each.known is None:
        draft.decisions += _decisions(each, draft, keys)


def _is_there(each: AdoptedTable, draft: DraftResource) -> bool:
    """Return whether the table still has what a known resource declares as its tenant."""
    members = {member.column: member.expression for member in (*draft.key, *draft.fields)}
    expression = members.get(each.tenant_column)
    field = evaluate(expression) if expression is not None else None
    if not isinstance(field, Field):
        return False
    return isinstance(each.tenant, str) or field.reference is not None


def _value(tenant: str | Via) -> object:
    if isinstance(tenant, Via):
        return Expression(VIA_NAME, (tenant.column,))
    return SHARED_NAME if tenant == SHARED else tenant


def _protect(draft: DraftResource) -> None:
    """Take the writes away by which a tenant would create or delete itself."""
    writes = draft.options.get("writes", EVERY_WRITE)
    assert isinstance(writes, tuple)  # noqa: S101 - what classify.py sets
    left = tuple(write for write in writes if write not in OF_TENANT)
    draft.options["writes"] = left


def _of_all_tenants(resource: Resource, column: str) -> Iterator[tuple[str, ...]]:
    """Yield the unique keys that clients can violate, and that have not the tenant's column."""
    for key in dict.fromkeys(unique_keys(resource)):
        if column not in key:
            yield key


def _other_keys(each: AdoptedTable) -> Iterator[str]:
    """Yield what to know about the unique indexes that no declaration has."""
    for index in each.table.indexes:
        columns = [key.column for key in index.keys]
        is_declared = not index.predicate and (all(columns) or len(columns) == 1)
        if index.is_unique and not is_declared and each.tenant_column not in columns:
            yield (
                f"The unique index {index.name} is over all tenants: its violation reveals that "
                f"another tenant has the value."
            )


def _decisions(
    each: AdoptedTable, draft: DraftResource, keys: list[tuple[str, ...]]
) -> Iterator[DraftDecision]:
    table = each.table.qualified
    if isinstance(each.tenant, Via):
        chosen = "the tenant is that of the row that the column references"
        yield DraftDecision(f"{table}.{each.tenant.column}", chosen, "a column of the tenant")
    if each.tenant == SHARED and draft.options.get("writes") != ():
        chosen = "shared: a client with the scope of writing changes the rows of all tenants"
        yield DraftDecision(table, chosen, "writes=() in the file")
    for key in keys:
        chosen = "global_unique: a 409 reveals that another tenant has the value"
        otherwise = "a unique key that has the tenant's column, too, in the place of this one"
        yield DraftDecision(f"{table}({', '.join(key)})", chosen, otherwise)
    if each.is_of_tenant:
        chosen = "a tenant reads and changes its own row, and neither creates nor deletes it"
        yield DraftDecision(table, chosen, "other `writes` in the file")
    if any(m.expression and m.expression.options.get("unindexed") for m in draft.key):
        chosen = "unindexed: a page reads all rows of its tenant, as no index has their order"
        otherwise = "the index that WITH_DDL=1 proposes, then no unindexed=True"
        yield DraftDecision(table, chosen, otherwise)
