"""Removes what migrations made: the schema `sluice`, recorded grants, settings and roles. And nothing else.

The tables of an application stay, because they hold data, unless they are asked for. Triggers and indexes on them that
use functions of the schema go with it. A role stays if another database of the server uses it, or if an administrator
made it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine

from sluice.migrations import applications, grants, roles
from sluice.migrations.runner import MigrationSession, MissingPrivilege

# Objects outside the schema that depend on one inside.
DEPENDENTS = """
    WITH inside AS (
        SELECT 'pg_catalog.pg_class'::regclass AS classid, oid FROM pg_class
        WHERE relnamespace = to_regnamespace('sluice')
        UNION ALL SELECT 'pg_catalog.pg_proc'::regclass, oid FROM pg_proc
        WHERE pronamespace = to_regnamespace('sluice')
        UNION ALL SELECT 'pg_catalog.pg_type'::regclass, oid FROM pg_type
        WHERE typnamespace = to_regnamespace('sluice')
    ), dependent AS (
        SELECT DISTINCT d.classid, d.objid FROM pg_depend d
        JOIN inside i ON i.classid = d.refclassid AND i.oid = d.refobjid
        LEFT JOIN pg_trigger t ON d.classid = 'pg_catalog.pg_trigger'::regclass AND t.oid = d.objid
        LEFT JOIN pg_class of_trigger ON of_trigger.oid = t.tgrelid
        LEFT JOIN pg_attrdef f ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND f.oid = d.objid
        LEFT JOIN pg_class of_default ON of_default.oid = f.adrelid
        LEFT JOIN pg_constraint c ON d.classid = 'pg_catalog.pg_constraint'::regclass AND c.oid = d.objid
        WHERE d.deptype IN ('n', 'a')
            AND coalesce(of_trigger.relnamespace, of_default.relnamespace, c.connamespace, 0)
                <> to_regnamespace('sluice')
            AND NOT EXISTS (SELECT FROM inside o WHERE o.classid = d.classid AND o.oid = d.objid)
    )
    SELECT o.type, o.identity FROM dependent, pg_identify_object(dependent.classid, dependent.objid, 0) o
    ORDER BY 1, 2
"""
GO_WITH_IT = ("trigger", "index")

# Where a role is used: databases with objects or privileges of it, or settings for it.
USES = """
    SELECT DISTINCT coalesce(in_it.datname, it.datname, 'the whole server') FROM pg_shdepend s
    JOIN pg_roles r ON s.refclassid = 'pg_catalog.pg_authid'::regclass AND r.oid = s.refobjid AND r.rolname = {role}
    LEFT JOIN pg_database in_it ON in_it.oid = s.dbid
    LEFT JOIN pg_database it ON s.classid = 'pg_catalog.pg_database'::regclass AND it.oid = s.objid
    WHERE s.classid <> 'pg_catalog.pg_auth_members'::regclass
    UNION
    SELECT d.datname FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole AND r.rolname = {role}
    JOIN pg_database d ON d.oid = s.setdatabase
    ORDER BY 1
"""
MARK = "SELECT shobj_description((SELECT oid FROM pg_roles WHERE rolname = {role}), 'pg_authid')"


class CannotRemove(Exception):
    """Removing would take away what is not Sluice's; the message names it."""


@dataclass(slots=True)
class RemovalReport:
    """What is gone, and what stays with the reason; in words to print."""

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def remove(engine: Engine, drop_app: str = "") -> RemovalReport:
    """Remove it in one transaction, as the engine's user, and dispose of the engine.

    With `drop_app` the tables of that application are dropped too, with their data. Raises CannotRemove,
    UnknownApplication, MissingPrivilege or SluiceError; then nothing was changed.
    """
    applications.check_application(drop_app)
    try:
        with engine.begin() as connection:
            return _Removal(connection).remove(drop_app)
    finally:
        engine.dispose()


class _Removal(MigrationSession):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._database = str(self.ask("SELECT current_database()"))
        self._done = RemovalReport()

    def remove(self, drop_app: str) -> RemovalReport:
        for statement in applications.application_drops(drop_app):
            self.run(statement)
            self._done.removed.append(statement.removeprefix("DROP ").replace("IF EXISTS ", ""))
        if self.ask("SELECT to_regclass('sluice.grants') IS NOT NULL"):
            self._revoke()
        if self.ask("SELECT to_regnamespace('sluice') IS NOT NULL"):
            self._drop_schema()
        for role in roles.ROLES:
            if self.ask(
                f"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = {roles.literal(role)})"
            ):
                self._drop_role(role)
        return self._done

    def _revoke(self) -> None:
        query = "SELECT role, privilege, kind, name FROM sluice.grants ORDER BY granted_at, name, role, privilege"
        for role, privilege, kind, name in self._rows(query):
            grant = grants.Grant(role, privilege, kind, name)
            if not name.startswith("sluice") and self.ask(grant.question()):
                statement = f"REVOKE {privilege} ON {grant.target} FROM {roles.quoted(role)}"
                if not self.attempt(statement):
                    raise MissingPrivilege(
                        f"it may not revoke a privilege on {grant.target}", [statement]
                    )
                self._done.removed.append(f"{privilege} on {grant.target} of {role}")

    def _drop_schema(self) -> None:
        dependents = self._rows(DEPENDENTS)
        others = [f"{kind} {name}" for kind, name in dependents if kind not in GO_WITH_IT]
        if others:
            raise CannotRemove(
                f"the schema sluice is used by what Sluice did not make: {', '.join(others)}"
            )
        if not self.attempt("DROP SCHEMA sluice CASCADE"):
            raise MissingPrivilege(
                "it does not own the schema sluice", ["DROP SCHEMA sluice CASCADE"]
            )
        self._done.removed.append("schema sluice")
        self._done.removed += [f"{kind} {name}" for kind, name in dependents]

    def _drop_role(self, role: str) -> None:
        name, quoted = roles.literal(role), roles.quoted(role)
        if not self.attempt(
            f"ALTER ROLE {quoted} IN DATABASE {roles.quoted(self._database)} RESET ALL"
        ):
            self._done.kept.append(
                f"role {role}, and its settings here: the user may not change it"
            )
            return
        used = [database for (database,) in self._rows(USES.format(role=name))]
        elsewhere = [database for database in used if database != self._database]
        if self.ask(MARK.format(role=name)) != roles.MARK:
            self._done.kept.append(f"role {role}: an administrator made it")
        elif elsewhere:
            self._done.kept.append(f"role {role}: {', '.join(elsewhere)} still uses it")
        elif self.attempt(*(self._disown(quoted) if used else ()), f"DROP ROLE {quoted}"):
            self._done.removed.append(f"role {role}")
        else:
            self._done.kept.append(f"role {role}: the user may not drop it")

    def _disown(self, role: str) -> Iterator[str]:
        """Privileges here that were granted by hand would keep the role, and what it owns must not be lost."""
        if not self.ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
            yield f"GRANT {role} TO CURRENT_USER"
        yield f"REASSIGN OWNED BY {role} TO CURRENT_USER"
        yield f"DROP OWNED BY {role}"

    def _rows(self, query: str) -> Sequence[Sequence[Any]]:
        return [tuple(row) for row in self.connection.exec_driver_sql(query)]
