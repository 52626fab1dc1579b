"""Sort keys: the terms of an ORDER BY, and the SQL condition "after this position".

keyset.py explains the conditions.
"""

from collections.abc import Callable
from typing import NamedTuple

from sluice.kinds.field import Field
from sluice.sql.list_spec import PARENT


class SortColumn(NamedTuple):
    """What a sort key orders by. `alias` is that of its table, and empty for an expression."""

    sql: str
    alias: str


class SortKey(NamedTuple):
    """One term of an ORDER BY.

    `name` is the name of the key in the rows, and `parameter` that of the position's value. `field`
    writes its value into a cursor and reads it back.

    `equivalent` is a column of a joined table with the same values. Then one index can answer both
    keys, and a merge join starts at the page instead of at the first row.

    `bounded` returns the condition of the list's rows with a bound of this key. See ListSpec.

    `descending` is for the order of reading: a backward page has it reversed. NULLs are last in
    ascending order and first in descending order, as in an index.
    """

    name: str
    parameter: str
    column: SortColumn
    field: Field
    nullable: bool
    descending: bool
    equivalent: SortColumn | None = None
    bounded: Callable[[str], str] | None = None

    @property
    def bound_value(self) -> str:
        """The SQL of the value that the position has for this key."""
        if self.name == PARENT:
            return f"{PARENT}.{self.parameter}"
        return self.field.from_cursor(self.parameter)

    @property
    def cursor_value(self) -> str:
        """The SQL that writes this key's value into a cursor."""
        return self.field.cursor(self.column.sql)

    @property
    def operator(self) -> str:
        """The comparison that holds for the rows after the position."""
        return "<" if self.descending else ">"

    def ordered(self, expression: str) -> str:
        return f"{expression} {'DESC' if self.descending else 'ASC'}"

    def in_rows(self, alias: str) -> "SortKey":
        """Return the key as a column of the rows that a subquery of this alias returns."""
        return self._replace(column=SortColumn(f"{alias}.{self.name}", alias))

    def reversed(self) -> "SortKey":
        return self._replace(descending=not self.descending)


def order_by(keys: list[SortKey]) -> str:
    return ", ".join(key.ordered(key.column.sql) for key in keys)


def after_condition(
    keys: list[SortKey], null_keys: tuple[bool, ...], *, inclusive: bool
) -> list[list[str]]:
    """Return the condition "after the position" as branches, which have no row in common.

    The conditions of a branch are joined by AND. `inclusive` adds the row at the position.
    """
    if _are_comparable_as_a_row(keys):
        return [_row_comparison(keys, inclusive=inclusive)]
    branches: list[list[str]] = []
    equal: list[str] = []
    for key, null in zip(keys, null_keys, strict=True):
        if not null:
            branches.append([*equal, f"{key.column.sql} {key.operator} {key.bound_value}"])
        if null and key.descending:
            branches.append([*equal, f"{key.column.sql} IS NOT NULL"])
        if not null and key.nullable and not key.descending:
            branches.append([*equal, f"{key.column.sql} IS NULL"])
        equal.append(
            f"{key.column.sql} IS NULL" if null else f"{key.column.sql} = {key.bound_value}"
        )
    return [*branches, equal] if inclusive else branches


def _are_comparable_as_a_row(keys: list[SortKey]) -> bool:
    """Return whether one index can have all keys, in one direction and without NULLs."""
    if any(key.nullable or key.descending != keys[0].descending for key in keys):
        return False
    aliases = {key.column.alias for key in keys}
    return len(keys) == 1 or (len(aliases) == 1 and "" not in aliases)


def _row_comparison(keys: list[SortKey], *, inclusive: bool) -> list[str]:
    first = keys[0]
    columns = ", ".join(key.column.sql for key in keys)
    values = ", ".join(key.bound_value for key in keys)
    conditions = [f"({columns}) {first.operator}{'=' if inclusive else ''} ({values})"]
    if first.equivalent:
        conditions.append(f"{first.equivalent.sql} {first.operator}= {first.bound_value}")
    return conditions
