"""Removes what migrations made: the schema `sluice`, recorded grants, settings and roles.

The tables of an application are kept, because they hold data, unless `drop_app` names it. Triggers
and indexes on these tables that use functions of the schema are dropped with it. A role is kept if
another database of the server uses it, or if an administrator created it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine

from sluice.migrations import applications, grants, roles
from sluice.migrations.runner import MigrationSession, MissingPrivilege
from sluice.sql.identifiers import in_quotes

# Objects outside the schema that depend on objects inside.
DEPENDENTS_SQL = """
    WITH inside AS (
        SELECT 'pg_catalog.pg_class'::regclass AS classid, oid FROM pg_class
        WHERE relnamespace = to_regnamespace('sluice')
        UNION ALL
        SELECT 'pg_catalog.pg_proc'::regclass, oid FROM pg_proc
        WHERE pronamespace = to_regnamespace('sluice')
        UNION ALL
        SELECT 'pg_catalog.pg_type'::regclass, oid FROM pg_type
        WHERE typnamespace = to_regnamespace('sluice')
    ), dependent AS (
        SELECT DISTINCT d.classid, d.objid FROM pg_depend d
        JOIN inside i ON i.classid = d.refclassid AND i.oid = d.refobjid
        LEFT JOIN pg_trigger t
            ON d.classid = 'pg_catalog.pg_trigger'::regclass AND t.oid = d.objid
        LEFT JOIN pg_class of_trigger ON of_trigger.oid = t.tgrelid
        LEFT JOIN pg_attrdef f
            ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND f.oid = d.objid
        LEFT JOIN pg_class of_default ON of_default.oid = f.adrelid
        LEFT JOIN pg_constraint c
            ON d.classid = 'pg_catalog.pg_constraint'::regclass AND c.oid = d.objid
        WHERE d.deptype IN ('n', 'a')
            AND coalesce(of_trigger.relnamespace, of_default.relnamespace, c.connamespace, 0)
                <> to_regnamespace('sluice')
            AND NOT EXISTS (SELECT FROM inside o WHERE o.classid = d.classid AND o.oid = d.objid)
    )
    SELECT o.type, o.identity
    FROM dependent, pg_identify_object(dependent.classid, dependent.objid, 0) o
    ORDER BY 1, 2
"""
DROPPED_WITH_SCHEMA = ("trigger", "index")

# The databases that have objects or privileges of a role, or settings for it.
ROLE_USES_SQL = """
    SELECT DISTINCT coalesce(of_object.datname, itself.datname, 'the whole server')
    FROM pg_shdepend s
    JOIN pg_roles r
        ON s.refclassid = 'pg_catalog.pg_authid'::regclass AND r.oid = s.refobjid
        AND r.rolname = {role}
    LEFT JOIN pg_database of_object ON of_object.oid = s.dbid
    LEFT JOIN pg_database itself
        ON s.classid = 'pg_catalog.pg_database'::regclass AND itself.oid = s.objid
    WHERE s.classid <> 'pg_catalog.pg_auth_members'::regclass
    UNION
    SELECT d.datname
    FROM pg_db_role_setting s
    JOIN pg_roles r ON r.oid = s.setrole AND r.rolname = {role}
    JOIN pg_database d ON d.oid = s.setdatabase
    ORDER BY 1
"""
MARK_SQL = """
    SELECT shobj_description((SELECT oid FROM pg_roles WHERE rolname = {role}), 'pg_authid')
"""
GRANTS_SQL = """
    SELECT role, privilege, kind, name FROM sluice.grants
    ORDER BY granted_at, name, role, privilege
"""


class CannotRemove(Exception):
    """Something that Sluice did not make would go, too, or stop to work. The message names it."""


@dataclass(slots=True)
class RemovalReport:
    """What was removed, and what was kept and why, as texts to print."""

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def remove(engine: Engine, drop_app: str = "") -> RemovalReport:
    """Remove Sluice in one transaction, as the engine's user, and dispose of the engine.

    With `drop_app`, also drop the tables of that application, with their data. Raises CannotRemove,
    UnknownApplication, MissingPrivilege and SluiceErrors. If it raises, nothing has changed.
    """
    applications.check_application(drop_app)
    drops = list(applications.application_drops(drop_app))
    try:
        if drop_app and not drops:
            raise CannotRemove(f"Sluice did not create the tables of {drop_app}, so it drops none")
        with engine.begin() as connection:
            return _Removal(connection).remove(drops)
    finally:
        engine.dispose()


class _Removal(MigrationSession):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._database = str(self.query_value("SELECT current_database()"))
        self._report = RemovalReport()

    def remove(self, drops: Iterable[str]) -> RemovalReport:
        for statement in drops:
            self.run(statement)
            dropped = statement.removeprefix("DROP ").replace("IF EXISTS ", "")
            self._report.removed.append(dropped)
        if self.query_value("SELECT to_regclass('sluice.grants') IS NOT NULL"):
            self._revoke_grants()
        if self.query_value("SELECT to_regnamespace('sluice') IS NOT NULL"):
            self._drop_schema()
        for role in roles.ROLES:
            condition = f"rolname = {roles.literal(role)}"
            if self.query_value(f"SELECT EXISTS (SELECT FROM pg_roles WHERE {condition})"):
                self._drop_role(role)
        return self._report

    def _revoke_grants(self) -> None:
        recorded = [grants.Grant.of_record(*row) for row in self._rows(GRANTS_SQL)]
        present = [
            grant
            for grant in recorded
            if not _is_in_schema(grant) and self.query_value(grant.check_query())
        ]
        for grant in grants.combined(present):
            privilege, role = grant.privilege, grant.role
            statement = f"REVOKE {privilege} ON {grant.target} FROM {in_quotes(role)}"
            if not self.attempt(statement):
                message = f"it may not revoke a privilege on {grant.target}"
                raise MissingPrivilege(message, [statement])
            self._report.removed.append(f"{privilege} on {grant.target} of {role}")

    def _drop_schema(self) -> None:
        dependents = self._rows(DEPENDENTS_SQL)
        others = [f"{kind} {name}" for kind, name in dependents if kind not in DROPPED_WITH_SCHEMA]
        if others:
            raise CannotRemove(
                f"objects that Sluice did not make use the schema sluice: {', '.join(others)}"
            )
        statement = "DROP SCHEMA sluice CASCADE"
        if not self.attempt(statement):
            raise MissingPrivilege("it does not own the schema sluice", [statement])
        self._report.removed.append("schema sluice")
        self._report.removed += [f"{kind} {name}" for kind, name in dependents]

    def _drop_role(self, role: str) -> None:
        literal, quoted = roles.literal(role), in_quotes(role)
        database = in_quotes(self._database)
        if not self.attempt(f"ALTER ROLE {quoted} IN DATABASE {database} RESET ALL"):
            reason = "the user may not change it"
            self._report.kept.append(f"role {role}, and its settings here: {reason}")
            return
        used_by = [name for (name,) in self._rows(ROLE_USES_SQL.format(role=literal))]
        elsewhere = [name for name in used_by if name != self._database]
        if self.query_value(MARK_SQL.format(role=literal)) != roles.MARK:
            self._report.kept.append(f"role {role}: an administrator made it")
        elif elsewhere:
            self._report.kept.append(f"role {role}: {', '.join(elsewhere)} still uses it")
        elif self.attempt(*(self._disown(quoted) if used_by else ()), f"DROP ROLE {quoted}"):
            self._report.removed.append(f"role {role}")
        else:
            self._report.kept.append(f"role {role}: the user may not drop it")

    def _disown(self, role: str) -> Iterator[str]:
        """Return statements that remove the role's privileges here and keep the objects it owns.

        The role cannot be dropped while it has privileges that were granted by hand.
        """
        if not self.query_value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
            yield f"GRANT {role} TO CURRENT_USER"
        yield f"REASSIGN OWNED BY {role} TO CURRENT_USER"
        yield f"DROP OWNED BY {role}"

    def _rows(self, query: str) -> Sequence[Sequence[Any]]:
        return [tuple(row) for row in self.connection.exec_driver_sql(query)]


def _is_in_schema(grant: grants.Grant) -> bool:
    """Return whether the privilege goes with the schema `sluice`: it is on it, or on its object."""
    return grant.kind != "DATABASE" and grant.name.partition(".")[0] == "sluice"
