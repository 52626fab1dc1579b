"""The two roles, and the settings that they have in this database.

`sluice_app` is the role of the functions, `sluice_analyst` the role of ad-hoc SQL. Roles belong to
the whole server, so a migration of another database may have created them, or may do so now.
Neither has a password: an operator sets one, or grants `rds_iam`. Each migration sets the settings
again, because a role may change its own settings.

Settings of a role in a database take no round trip, and do not pin a connection of RDS Proxy. They
apply to the role that logs in, so a member of the role needs them, too.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from sluice.db.session_settings import SEARCH_PATH, role_settings
from sluice.sql.identifiers import in_quotes

APP = "sluice_app"
ANALYST = "sluice_analyst"
ROLES: dict[str, Literal["app", "analyst"]] = {APP: "app", ANALYST: "analyst"}
SERVER_SETTINGS_SQL = "SELECT array_agg(name) FROM pg_catalog.pg_settings"

# The comment on a role that a migration created. An administrator's role does not have it.
MARK = "Made by Sluice: `make remove` drops it"


def literal(text: str) -> str:
    """Return `text` as an SQL string, for any value of standard_conforming_strings."""
    value = "'" + text.replace("'", "''") + "'"
    return " E" + value.replace("\\", "\\\\") if "\\" in value else value


def create_statement(role: str) -> str:
    return f"CREATE ROLE {in_quotes(role)} LOGIN"


def mark_statement(role: str) -> str:
    return f"COMMENT ON ROLE {in_quotes(role)} IS {literal(MARK)}"


def settings(
    rights: str, known: Collection[str], search_path: Sequence[str] = ()
) -> dict[str, str]:
    """Return the settings of a role, without those that the server does not know.

    `rights` is the name of one of ROLES; `known` are the names of the server's settings;
    `search_path` is that of the application.
    """
    return {
        name: setting.value
        for name, setting in role_settings(ROLES[rights], search_path).items()
        if name in known
    }


def setting_statements(
    database: str,
    role: str,
    rights: str,
    known: Collection[str],
    search_path: Sequence[str] = (),
) -> Iterator[str]:
    """Return the statements that give `role` in `database` the settings of the role `rights`."""
    for name, value in settings(rights, known, search_path).items():
        yield setting_statement(database, role, name, value)


def setting_statement(database: str, role: str, name: str, value: str) -> str:
    # A literal would be one schema, whatever commas it has.
    written = value if name == SEARCH_PATH else literal(value)
    return f"ALTER ROLE {in_quotes(role)} IN DATABASE {in_quotes(database)} SET {name} = {written}"


def connection_limit_statement(role: str, limit: int) -> str:
    return f"ALTER ROLE {in_quotes(role)} CONNECTION LIMIT {limit}"
