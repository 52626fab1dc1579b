"""Grants: which privileges the roles need, and a record of those that a migration granted.

A privilege that a role has already is neither granted nor recorded, and nothing is revoked here. `make remove` revokes
what `sluice.grants` holds, and no other privilege.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from sluice.migrations import text_search
from sluice.migrations.roles import ANALYST, APP, literal, quoted

Kind = Literal["DATABASE", "SCHEMA", "TABLE", "FUNCTION", "PROCEDURE"]

# Which function says whether a role has a privilege, and which one finds the object. An object that does not exist is
# NULL, and so is the answer.
CHECKS = {
    "DATABASE": ("has_database_privilege", "(SELECT oid FROM pg_database WHERE datname = {name})"),
    "SCHEMA": ("has_schema_privilege", "to_regnamespace({name})::oid"),
    "TABLE": ("has_table_privilege", "to_regclass({name})::oid"),
    "FUNCTION": ("has_function_privilege", "to_regprocedure({name})::oid"),
    "PROCEDURE": ("has_function_privilege", "to_regprocedure({name})::oid"),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Privileges of a role on one object; `name` is qualified and quoted as SQL wants it, but a database's name is
    as it is."""

    role: str
    privileges: str  # comma-separated
    kind: Kind
    name: str

    def each(self) -> Iterator["Grant"]:
        """One grant for each privilege."""
        for privilege in self.privileges.split(","):
            yield Grant(self.role, privilege.strip(), self.kind, self.name)

    @property
    def target(self) -> str:
        return f"{self.kind} {quoted(self.name) if self.kind == 'DATABASE' else self.name}"

    def question(self) -> str:
        """A query for whether the role has the privilege; false if the object does not exist.

        A role that does not exist yet will have what PUBLIC has, which is role 0 to these functions.
        """
        check, find = CHECKS[self.kind]
        role = f"coalesce((SELECT oid FROM pg_roles WHERE rolname = {literal(self.role)}), 0)"
        target = find.format(name=literal(self.name))
        return f"SELECT coalesce({check}({role}, {target}, {literal(self.privileges)}), false)"

    def statements(self) -> Iterator[str]:
        """Grant, and record."""
        yield f"GRANT {self.privileges} ON {self.target} TO {quoted(self.role)}"
        values = ", ".join(
            literal(value) for value in (self.role, self.privileges, self.kind, self.name)
        )
        yield f"INSERT INTO sluice.grants (role, privilege, kind, name) VALUES ({values}) ON CONFLICT DO NOTHING"


RECORD = """
CREATE TABLE IF NOT EXISTS sluice.grants (
    role text NOT NULL,
    privilege text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (role, privilege, kind, name)
)
"""

# What the engine needs of its own schema. The analyst's role needs nothing there.
ENGINE = (
    Grant(APP, "USAGE", "SCHEMA", "sluice"),
    Grant(APP, "SELECT", "TABLE", "sluice.version"),
    Grant(APP, "SELECT, INSERT, UPDATE, DELETE", "TABLE", "sluice.idempotency_keys"),
    Grant(APP, "SELECT, INSERT, UPDATE", "TABLE", "sluice.import_jobs"),
    Grant(APP, "SELECT, INSERT, DELETE", "TABLE", "sluice.import_rejects"),
    *(Grant(APP, "EXECUTE", "FUNCTION", signature) for signature in text_search.SIGNATURES),
    Grant(APP, "EXECUTE", "FUNCTION", "sluice.touch()"),
    Grant(APP, "EXECUTE", "PROCEDURE", "sluice.claim_idempotency_key(bytea)"),
)


def on_database(name: str) -> Iterator[Grant]:
    """To log in and to stage an import's rows. PUBLIC may do both, unless an administrator revoked it."""
    yield Grant(APP, "CONNECT, TEMPORARY", "DATABASE", name)
    yield Grant(ANALYST, "CONNECT", "DATABASE", name)


def wanted(database: str, of_application: Iterable[Grant]) -> Iterator[Grant]:
    """Every grant that a migration makes where it is missing."""
    yield from ENGINE
    yield from on_database(database)
    yield from of_application
