"""Junction tables: those that only link the rows of two tables, or of one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalog.expression import Expression
from catalog.fields import payload_fields
from catalog.foreign_keys import ForeignKey
from catalog.tables import AdoptedTable
from sluice.sql.junctions import LINK


@dataclass(frozen=True)
class Junction:
    """A junction table. Its columns `left` reference `left_to`, in the order of the key there."""

    each: AdoptedTable
    left: tuple[str, ...]
    right: tuple[str, ...]
    left_to: AdoptedTable
    right_to: AdoptedTable
    payload: tuple[Expression, ...]

    @property
    def tenant(self) -> str:
        """The column of the tenant. Empty: it is that of the linked rows."""
        return self.each.tenant_column

    def reversed(self) -> "Junction":
        """Return the junction from the other side."""
        return replace(
            self, left=self.right, right=self.left, left_to=self.right_to, right_to=self.left_to
        )


def junctions(tables: Sequence[AdoptedTable], keys: Sequence[ForeignKey]) -> list[Junction]:
    """Return the junction tables. One that a known resource declares as a table is none."""
    declared = {
        many.through for each in tables if each.known for many in each.known.lists if many.through
    }
    referenced = {key.to.table.qualified for key in keys}
    found = (
        _junction(each, [key for key in keys if key.of is each and key.problem is None])
        for each in tables
        if each.known is None
        and (each.table.qualified not in referenced or each.table.qualified in declared)
    )
    return [junction for junction in found if junction is not None]


def _junction(each: AdoptedTable, keys: Sequence[ForeignKey]) -> Junction | None:
    keys = [key for key in keys if key.columns != (each.tenant,)]
    if each.is_read_only or len(keys) != 2:
        return None
    first, second = keys
    columns = {*first.columns, *second.columns}
    if len(columns) != len(first.columns) + len(second.columns) or columns != {*each.key}:
        return None
    payload = payload_fields(each)
    if payload is None:
        return None
    has_name = any(LINK in key.to.fields.values() for key in keys)
    junction = Junction(each, first.columns, second.columns, first.to, second.to, tuple(payload))
    return None if payload and has_name else junction
