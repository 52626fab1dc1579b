"""The privileges that the roles need, and a record of those that a migration granted.

A privilege that a role already has is neither granted nor recorded. A migration revokes nothing.
`make remove` revokes the privileges in `sluice.grants`, and no other ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from sluice.migrations import text_search
from sluice.migrations.roles import ANALYST, APP, literal
from sluice.sql.identifiers import in_quotes, quoted_if_needed

Kind = Literal["DATABASE", "SCHEMA", "TABLE", "SEQUENCE", "FUNCTION", "PROCEDURE"]

# Kind → the function that checks a privilege, and the SQL that finds the object. If the object
# does not exist, both return NULL. A function without arguments in its name is the only one of it.
CHECKS = {
    "DATABASE": ("has_database_privilege", "(SELECT oid FROM pg_database WHERE datname = {name})"),
    "SCHEMA": ("has_schema_privilege", "to_regnamespace({name})::oid"),
    "TABLE": ("has_table_privilege", "to_regclass({name})::oid"),
    "SEQUENCE": ("has_sequence_privilege", "to_regclass({name})::oid"),
    "FUNCTION": ("has_function_privilege", "to_regprocedure({name})::oid"),
    "PROCEDURE": ("has_function_privilege", "to_regprocedure({name})::oid"),
}
FIND_BY_NAME = "to_regproc({name})::oid"
# The number of a column; NULL if it does not exist. has_column_privilege rejects its name then.
FIND_COLUMN = (
    "(SELECT attnum FROM pg_catalog.pg_attribute "
    "WHERE attrelid = {table} AND attname = {column} AND NOT attisdropped)"
)
# The sequences that the defaults of a table's columns call, such as that of a serial. An INSERT
# needs USAGE on them. That of an identity belongs to the column, and needs none.
SEQUENCES_SQL = """
    SELECT array_agg(DISTINCT d.refobjid::regclass::text)
    FROM pg_attrdef a
    JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
        AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
    WHERE a.adrelid = to_regclass({name})
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """Privileges of a role on one object, separated by commas.

    `name` is qualified and quoted as in SQL, except that of a database, which is not quoted.
    `columns` are those of a table that the privileges are for, not quoted. Without: all.
    """

    role: str
    privileges: str
    kind: Kind
    name: str
    columns: tuple[str, ...] = ()

    @classmethod
    def of_record(cls, role: str, privilege: str, kind: Kind, name: str) -> "Grant":
        """Return the grant of a row of `sluice.grants`, whose privilege may have a column."""
        privilege, has_column, column = privilege.partition(" (")
        columns = (column.removesuffix(")"),) if has_column else ()
        return cls(role, privilege, kind, name, columns)

    def each(self) -> Iterator["Grant"]:
        """Return one grant for each privilege and column."""
        for privilege in self.privileges.split(","):
            of_table = Grant(self.role, privilege.strip(), self.kind, self.name)
            yield from [replace(of_table, columns=(each,)) for each in self.columns] or [of_table]

    @property
    def privilege(self) -> str:
        """The privileges as in `GRANT`, with the columns."""
        if not self.columns:
            return self.privileges
        return (
            f"{self.privileges} ({', '.join(quoted_if_needed(column) for column in self.columns)})"
        )

    @property
    def target(self) -> str:
        """The object as in `GRANT ... ON`."""
        return f"{self.kind} {in_quotes(self.name) if self.kind == 'DATABASE' else self.name}"

    def check_query(self) -> str:
        """Return the query that checks whether the role has the privilege.

        Its result is false if the object does not exist. For a role that does not exist yet, the
        query checks the privileges of PUBLIC, whose OID is 0 in these functions.
        """
        check, find = CHECKS[self.kind]
        find = FIND_BY_NAME if self.kind == "FUNCTION" and "(" not in self.name else find
        role = f"coalesce((SELECT oid FROM pg_roles WHERE rolname = {literal(self.role)}), 0)"
        target = find.format(name=literal(self.name))
        if self.columns:
            check = "has_column_privilege"
            (column,) = self.columns
            target += f", {FIND_COLUMN.format(table=target, column=literal(column))}"
        return f"SELECT coalesce({check}({role}, {target}, {literal(self.privileges)}), false)"

    def statements(self) -> tuple[str, str]:
        """Return the statement that grants, and the one that records the grant."""
        rows = []
        for column in self.columns or ("",):
            privilege = f"{self.privileges} ({column})" if column else self.privileges
            values = (self.role, privilege, self.kind, self.name)
            rows.append(f"({', '.join(literal(value) for value in values)})")
        return (
            f"GRANT {self.privilege} ON {self.target} TO {in_quotes(self.role)}",
            "INSERT INTO sluice.grants (role, privilege, kind, name) "
            f"VALUES {', '.join(rows)} ON CONFLICT DO NOTHING",
        )


GRANTS_TABLE = """
CREATE TABLE IF NOT EXISTS sluice.grants (
    role text NOT NULL,
    privilege text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (role, privilege, kind, name)
)
"""

# Privileges on objects of the schema sluice. The analysts' role needs those of a replica's check.
SLUICE_GRANTS = (
    Grant(APP, "USAGE", "SCHEMA", "sluice"),
    Grant(APP, "SELECT", "TABLE", "sluice.version"),
    Grant(APP, "SELECT, INSERT, UPDATE, DELETE", "TABLE", "sluice.idempotency_keys"),
    Grant(APP, "SELECT, INSERT, UPDATE", "TABLE", "sluice.import_jobs"),
    Grant(APP, "SELECT, INSERT, DELETE", "TABLE", "sluice.import_rejects"),
    Grant(APP, "SELECT", "TABLE", "sluice.drift"),
    *(Grant(APP, "EXECUTE", "FUNCTION", signature) for signature in text_search.SIGNATURES),
    Grant(APP, "EXECUTE", "FUNCTION", "sluice.touch()"),
    Grant(APP, "EXECUTE", "PROCEDURE", "sluice.claim_idempotency_key(bytea)"),
    Grant(APP, "EXECUTE", "FUNCTION", "sluice.require_lsn(pg_lsn)"),
    Grant(APP, "EXECUTE", "FUNCTION", "sluice.raise_conflict()"),
    Grant(APP, "EXECUTE", "FUNCTION", "sluice.raise_unknown(text)"),
    Grant(ANALYST, "USAGE", "SCHEMA", "sluice"),
    Grant(ANALYST, "EXECUTE", "FUNCTION", "sluice.require_lsn(pg_lsn)"),
)


def database_grants(name: str) -> Iterator[Grant]:
    """Return the privileges to log in, and to create the temporary table of an import.

    PUBLIC has both, unless an administrator revoked them.
    """
    yield Grant(APP, "CONNECT, TEMPORARY", "DATABASE", name)
    yield Grant(ANALYST, "CONNECT", "DATABASE", name)


def of_tables(
    tables: Iterable[tuple[str, Mapping[str, tuple[str, ...]], bool]],
) -> Iterator[Grant]:
    """Return the privileges on tables, and on their schemas.

    A table is its name with its schema, the columns of each privilege of the functions, and whether
    analysts may read it, as `TABLES` of an application's registry has it.
    """
    for table, privileges, is_for_analysts in tables:
        schema, name = (quoted_if_needed(part) for part in table.split(".", 1))
        yield Grant(APP, "USAGE", "SCHEMA", schema)
        for privilege, columns in privileges.items():
            yield Grant(APP, privilege, "TABLE", f"{schema}.{name}", columns)
        if is_for_analysts:
            yield Grant(ANALYST, "USAGE", "SCHEMA", schema)
            yield Grant(ANALYST, "SELECT", "TABLE", f"{schema}.{name}", privileges["SELECT"])


def of_functions(functions: Iterable[str]) -> Iterator[Grant]:
    """Return the privileges to call functions, each by its name with its schema."""
    for function in functions:
        schema, name = (quoted_if_needed(part) for part in function.split(".", 1))
        yield Grant(APP, "USAGE", "SCHEMA", schema)
        yield Grant(APP, "EXECUTE", "FUNCTION", f"{schema}.{name}")


def required(database: str, of_application: Iterable[Grant]) -> Iterator[Grant]:
    """Return every privilege that a migration grants if it is missing, each once."""
    grants = (*SLUICE_GRANTS, *database_grants(database), *of_application)
    yield from dict.fromkeys(each for grant in grants for each in grant.each())


def combined(grants: Iterable[Grant]) -> Iterator[Grant]:
    """Return one grant for all columns of a table that have the same privilege."""
    columns: dict[Grant, tuple[str, ...]] = {}
    for grant in grants:
        of_table = replace(grant, columns=())
        if not grant.columns:
            yield grant
        columns[of_table] = columns.get(of_table, ()) + grant.columns
    yield from (replace(grant, columns=names) for grant, names in columns.items() if names)
