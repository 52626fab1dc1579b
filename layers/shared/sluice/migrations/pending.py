"""What a database still lacks: roles, privileges, settings. Only reads, so that a plan may be made by any user."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sluice.migrations import grants, roles

Ask = Callable[[str], Any]  # runs a query and returns its one value

GIVEN_SETTINGS = """
    SELECT s.setconfig FROM pg_catalog.pg_db_role_setting s
    JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
    JOIN pg_catalog.pg_roles r ON r.oid = s.setrole AND r.rolname = {role}
"""
SERVER_VALUE = "SELECT reset_val FROM pg_catalog.pg_settings WHERE name = {name}"


class PendingChanges:
    """The questions, and the statements that follow from their answers. `ask` sees what has been done already."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.database = str(ask("SELECT current_database()"))
        self.user = str(ask("SELECT current_user"))

    def roles(self) -> Iterator[tuple[str, str]]:
        """For each role that does not exist: the statement that creates it, and the one that marks it as Sluice's."""
        for role in roles.ROLES:
            if not self._exists("pg_roles", "rolname", role):
                yield roles.create_statement(role), roles.mark_statement(role)

    def has_schema(self) -> bool:
        return self._exists("pg_namespace", "nspname", "sluice")

    def may_create(self, kind: grants.Kind, name: str) -> str:
        """Return the GRANT that the user lacks to create in a database or a schema; empty where it lacks none."""
        grant = grants.Grant(self.user, "CREATE", kind, name)
        return "" if self._ask(grant.question()) else next(grant.statements())

    def revision(self, version_table: str) -> str:
        """The newest migration that was applied; empty where none was."""
        if not self._ask(f"SELECT to_regclass('sluice.{version_table}') IS NOT NULL"):
            return ""
        return str(self._ask(f"SELECT version_num FROM sluice.{version_table}") or "")

    def privileges(self, wanted: Iterable[grants.Grant]) -> Iterator[grants.Grant]:
        """The privileges that are missing, one at a time."""
        for several in wanted:
            for grant in several.each():
                if not self.is_granted(grant):
                    yield grant

    def is_granted(self, grant: grants.Grant) -> bool:
        return bool(self._ask(grant.question()))

    def settings(self) -> Iterator[tuple[str, bool]]:
        """Statements that give the roles their settings; and whether the server does without, by its own default."""
        known = self._ask(roles.SERVER_SETTINGS_SQL)
        for role in roles.ROLES:
            given = set(self._ask(GIVEN_SETTINGS.format(role=roles.literal(role))) or ())
            for name, value in roles.settings(role, known).items():
                if f"{name}={value}" not in given:
                    default = self._ask(SERVER_VALUE.format(name=roles.literal(name)))
                    yield (
                        roles.setting_statement(self.database, role, name, value),
                        default == value,
                    )

    def connection_limit(self, limit: int) -> str:
        """The statement that sets the analyst's connection limit; empty where it is set."""
        found = self._ask(
            f"SELECT rolconnlimit FROM pg_roles WHERE rolname = {roles.literal(roles.ANALYST)}"
        )
        return "" if found == limit else roles.connection_limit_statement(roles.ANALYST, limit)

    def _exists(self, catalogue: str, column: str, name: str) -> bool:
        query = f"SELECT EXISTS (SELECT FROM pg_catalog.{catalogue} WHERE {column} = {roles.literal(name)})"
        return bool(self._ask(query))
