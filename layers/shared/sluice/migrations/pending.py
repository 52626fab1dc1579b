"""Finds the roles, privileges and settings that a database does not have yet.

This only reads, so that any user can make a plan.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sluice.db.session_settings import SEARCH_PATH, is_equal
from sluice.migrations import grants, roles

QueryValue = Callable[[str], Any]  # runs a query and returns its one value

ROLE_SETTINGS_SQL = """
    SELECT s.setconfig FROM pg_catalog.pg_db_role_setting s
    JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
    JOIN pg_catalog.pg_roles r ON r.oid = s.setrole AND r.rolname = {role}
"""
CHECKS_AT_ONCE = 200
SERVER_DEFAULT_SQL = "SELECT reset_val FROM pg_catalog.pg_settings WHERE name = {name}"


class PendingChanges:
    """Finds what is missing, and returns the statements that add it.

    In a migration, `query_value` runs in the migration's transaction. So it sees what the migration
    has already added.
    """

    def __init__(self, query_value: QueryValue) -> None:
        self._query_value = query_value
        self.database = str(query_value("SELECT current_database()"))
        self.user = str(query_value("SELECT current_user"))

    def roles(self) -> Iterator[tuple[str, str]]:
        """Return the statements that create each missing role and mark it as Sluice's."""
        for role in roles.ROLES:
            if not self._exists("pg_roles", "rolname", role):
                yield roles.create_statement(role), roles.mark_statement(role)

    def has_schema(self) -> bool:
        return self._exists("pg_namespace", "nspname", "sluice")

    def missing_create_privilege(self, kind: grants.Kind, name: str) -> str:
        """Return the GRANT that the user needs to create objects there; empty if it has that."""
        grant = grants.Grant(self.user, "CREATE", kind, name)
        return "" if self.is_granted(grant) else grant.statements()[0]

    def revision(self, version_table: str) -> str:
        """Return the newest migration that was applied; empty if none was."""
        if not self._query_value(f"SELECT to_regclass('sluice.{version_table}') IS NOT NULL"):
            return ""
        return str(self._query_value(f"SELECT version_num FROM sluice.{version_table}") or "")

    def privileges(self, required: Iterable[grants.Grant]) -> Iterator[grants.Grant]:
        """Return a grant for each missing privilege, with all missing columns of a table.

        Rows that are inserted without a value for a column may need the sequence of its default.
        """
        needed = dict.fromkeys(each for grant in required for each in grant.each())
        for table in {
            grant.name: grant for grant in needed if grant.privileges == "INSERT"
        }.values():
            query = grants.SEQUENCES_SQL.format(name=roles.literal(table.name))
            for sequence in self._query_value(query) or ():
                needed[grants.Grant(table.role, "USAGE", "SEQUENCE", sequence)] = None
        are_granted = self._are_granted(list(needed))
        missing = (
            grant for grant, is_granted in zip(needed, are_granted, strict=True) if not is_granted
        )
        return grants.combined(missing)

    def is_granted(self, grant: grants.Grant) -> bool:
        return all(self._are_granted(list(grant.each())))

    def _are_granted(self, several: Sequence[grants.Grant]) -> list[bool]:
        """Return whether each privilege is granted, with few queries."""
        found: list[bool] = []
        for start in range(0, len(several), CHECKS_AT_ONCE):
            part = several[start : start + CHECKS_AT_ONCE]
            queries = ", ".join(f"({grant.check_query()})" for grant in part)
            found += self._query_value(f"SELECT ARRAY[{queries}]")
        return found

    def settings(self, search_path: Sequence[str] | None) -> Iterator[tuple[str, bool]]:
        """Return the statements that set the roles' missing settings.

        With each is a flag: whether the value is already the server's default. `search_path` is
        that of the application. None keeps that of an application that was migrated before.
        """
        known = self._query_value(roles.SERVER_SETTINGS_SQL)
        for role in roles.ROLES:
            query = ROLE_SETTINGS_SQL.format(role=roles.literal(role))
            current = dict(each.split("=", 1) for each in self._query_value(query) or ())
            for name, value in roles.settings(role, known, search_path or ()).items():
                keeps = name == SEARCH_PATH and search_path is None
                if name in current and (keeps or is_equal(name, current[name], value)):
                    continue
                statement = roles.setting_statement(self.database, role, name, value)
                default = self._query_value(SERVER_DEFAULT_SQL.format(name=roles.literal(name)))
                yield statement, default == value

    def connection_limit(self, limit: int) -> str:
        """Return the statement that sets the analysts' connection limit; empty if it is set."""
        name = roles.literal(roles.ANALYST)
        current = self._query_value(f"SELECT rolconnlimit FROM pg_roles WHERE rolname = {name}")
        if current == limit:
            return ""
        return roles.connection_limit_statement(roles.ANALYST, limit)

    def _exists(self, catalog: str, column: str, name: str) -> bool:
        condition = f"{column} = {roles.literal(name)}"
        query = f"SELECT EXISTS (SELECT FROM pg_catalog.{catalog} WHERE {condition})"
        return bool(self._query_value(query))
