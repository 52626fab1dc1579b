"""List the tenants whose rows are in the database, for the form of a new API key.

The owner of the tables reads them, because functions see the rows of one tenant only.
"""

from collections.abc import Sequence
from typing import Any

from pg8000.exceptions import Error as DriverError

from sluice import application
from sluice.db.connector import connector
from sluice.kinds.field import Field
from sluice.resource import Resource
from sluice.settings import DatabaseSettings
from sluice.sql.derived import table
from sluice.sql.identifiers import quoted
from sluice.tenant_columns import tenant_field

MAX_TENANTS = 50
TIMEOUT = "SET LOCAL statement_timeout = 2000"  # ms
NAMES = ("name", "title")  # of the field that names a tenant, if the table has one of them


class TenantListError(Exception):
    """The tenants cannot be read. The message says why."""


class TenantList:
    """Reads the tenants with `owner`, the settings of the tables' owner."""

    def __init__(self, owner: DatabaseSettings) -> None:
        self._owner = owner

    def tenants(self) -> dict[str, object]:
        """Return at most MAX_TENANTS tenants, and whether there are others.

        They are the rows of the table that declares its key as the tenant, or else the different
        tenants of all rows. Raise TenantListError.
        """
        sql = tenants_sql(application.current().declarations())
        rows = self._rows(sql) if sql else []
        tenants = [{"tenant": tenant, "name": name} for tenant, name in rows[:MAX_TENANTS]]
        return {"tenants": tenants, "more": len(rows) > MAX_TENANTS}

    def _rows(self, sql: str) -> list[Any]:
        try:
            connection = connector(self._owner, "web").open()
        except DriverError as error:
            raise TenantListError("the database cannot be reached") from error
        try:
            cursor = connection.cursor()
            cursor.execute(TIMEOUT)
            cursor.execute(sql)
            return list(cursor.fetchall())
        except DriverError as error:
            raise TenantListError("the database did not list the tenants") from error
        finally:
            connection.close()


def tenants_sql(resources: Sequence[Resource]) -> str:
    """Return the statement that lists tenants and their names; empty without tenants."""
    columns = [(each, field) for each in resources if (field := tenant_field(each)) is not None]
    for resource, field in columns:
        if [key.column for key in resource.keys] == [field.column]:
            return _limited(_select(resource, field, _name_of(resource)))
    return _limited(" UNION ".join(_select(resource, field) for resource, field in columns))


def _select(resource: Resource, field: Field, name: str = "''") -> str:
    return f"SELECT {quoted(field.column)}::text AS tenant, {name} AS name FROM {table(resource)}"


def _name_of(resource: Resource) -> str:
    """Return the column that names a row, as a text."""
    columns = {field.name: field.column for field in resource.all_fields if field.in_table}
    found = [columns[name] for name in NAMES if name in columns]
    return f"coalesce({quoted(found[0])}::text, '')" if found else "''"


def _limited(sql: str) -> str:
    ordered = f"SELECT tenant, name FROM ({sql}) AS found ORDER BY name, tenant"
    return f"{ordered} LIMIT {MAX_TENANTS + 1}" if sql else ""
