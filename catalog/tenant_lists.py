"""The filters and sorts that a table would have without tenants, and the index that each needs."""

from collections.abc import Iterator
from dataclasses import replace

from catalog.draft import Refusal
from catalog.expression import evaluate
from catalog.fields import list_options, need_for_filter
from catalog.indexes import index_ddl, need_of_sort, of_tenant
from catalog.kinds import named
from catalog.snapshot import TableColumn
from catalog.tables import AdoptedTable
from sluice.kinds.field import Field


def refusals(each: AdoptedTable) -> Iterator[Refusal]:
    """Yield the columns whose index has the rows of all tenants, each with the index to add."""
    if not each.indexed_tenant or each.known is not None:
        return
    for column in each.table.columns:
        # The default order by the key is there in any case.
        if column.name not in (*each.key, each.tenant_column):
            yield from _lost(column, each)


def _lost(column: TableColumn, each: AdoptedTable) -> Iterator[Refusal]:
    """Yield what a column has without tenants, and has not with them."""
    is_reference = any(
        constraint.kind == "f" and constraint.columns == (column.name,)
        for constraint in each.table.constraints
    )
    now = dict(list_options(column, each, is_reference=is_reference))
    others = replace(each, tenant="")
    before = dict(list_options(column, others, is_reference=is_reference))
    filters = [one for one in _names(before) if one not in _names(now)]
    is_sorted = bool(before.get("sort") and not now.get("sort"))
    if not filters and not is_sorted:
        return
    field = _field(column, each)
    if is_sorted:
        keys = [_field(key, each) for key in map(each.table.by_name.__getitem__, each.key)]
        need = need_of_sort(field, keys, is_unique=False)
        need = of_tenant(need, each.tenant_column)
    else:
        need = need_for_filter(each, field, filters[0])
    what = [*(["filters"] if filters else []), *(["sorts"] if is_sorted else [])]
    reason = f"no index of {each.table.qualified} begins with {each.tenant_column}, {column.name}"
    ddl = index_ddl(need, each.table)
    yield Refusal(f"{each.name}.{field.name} ({' and '.join(what)})", reason, ddl, is_ddl=True)


def _names(options: dict[str, object]) -> list[str]:
    found = options.get("filter")
    if isinstance(found, list):
        return [*map(str, found)]
    return [found] if isinstance(found, str) else []


def _field(column: TableColumn, each: AdoptedTable) -> Field:
    kind = each.kinds[column.name].expression
    assert kind is not None  # noqa: S101 - the column has a filter or a sort
    found = evaluate(named(kind, each.fields[column.name]).having(column=column.name))
    assert isinstance(found, Field)  # noqa: S101 - what each kind is
    return found
