"""The names that the errors of a database may show to clients, instead of its own."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sluice.errors import SluiceError

# The schema and the table after a verb of SQL, of which each may be in quotes.
WRITTEN_TABLE = (
    r'\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+(?:((?:"(?:[^"]|"")+"|\w+))\.)?("(?:[^"]|"")+"|\w+)'
)

NOTHING: Mapping[str, Any] = MappingProxyType({})


class ErrorNames(NamedTuple):
    """An application's names in the server's reports.

    fields: table → column → field, for the columns that may be named to a client. Others never are.
        `shelf.code` is the field `shelf`, whose column has the key of the row with this code.
    constraints: constraint → table and columns, where the report does not have the columns.
    self_references: table → the columns of each foreign key to the same table.
    keys: table → the columns of a primary key that clients choose.
    errors: constraints whose violation has an error of its own.
    tenants: table → the column of the tenant, which is part of names of constraints. With row-level
        security, reports have no other hint at columns.
    written: the tables that the failed statement writes to.

    The names of tables and constraints have their schema, but for `errors`.
    """

    fields: Mapping[str, Mapping[str, str]] = NOTHING
    constraints: Mapping[str, tuple[str, tuple[str, ...]]] = NOTHING
    self_references: Mapping[str, Sequence[str]] = NOTHING
    keys: Mapping[str, tuple[str, ...]] = NOTHING
    errors: Mapping[str, type[SluiceError]] = NOTHING
    tenants: Mapping[str, tuple[str, ...]] = NOTHING
    written: frozenset[str] = frozenset()

    def after(self, statement: str) -> "ErrorNames":
        """Return these names for the report of a failed statement."""
        written = frozenset(
            f"{_unquoted(schema) or 'public'}.{_unquoted(table)}"
            for schema, table in re.findall(WRITTEN_TABLE, statement)
        )
        return self._replace(written=written.intersection(self.fields))

    def declared(self, table: str) -> list[str]:
        """Return the declared tables that a table of a report may be."""
        return [table] if table in self.fields else sorted(self.written)

    def of(self, table: str, column: str) -> str | None:
        """Return the field of a column as `fields` has it, or None.

        A partition, and the table below a view, have other names than the declared table. So a
        table that is unknown has the fields of the written table. If the statement does not tell
        that one, it has the fields that all known tables agree on.
        """
        tables = [self.fields[name] for name in self.declared(table) or self.fields]
        found = {columns[column] for columns in tables if column in columns}
        return found.pop() if len(found) == 1 else None


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
