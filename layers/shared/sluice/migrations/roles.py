"""The two roles, and the settings that they have in this database.

`sluice_app` is what the functions work as, `sluice_analyst` what analysts' SQL works as. Roles belong to the whole
server, so another database of it may have made them, or be making them now. Neither has a password: an operator gives
it one, or `rds_iam`. Every migration sets the settings again, because a role may change its own.

A setting of a role in a database takes no round trip and does not pin a connection of RDS Proxy. It applies to the
role that logs in; a member of the role needs the settings too.
"""

from collections.abc import Collection, Iterator
from typing import Literal

from sluice.db.session_settings import role_settings

APP, ANALYST = "sluice_app", "sluice_analyst"
ROLES: dict[str, Literal["app", "analyst"]] = {APP: "app", ANALYST: "analyst"}
ANALYST_CONNECTION_LIMIT = 50
SERVER_SETTINGS_SQL = (
    "SELECT array_agg(name) FROM pg_catalog.pg_settings"  # the settings that this server has
)


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string, whatever standard_conforming_strings is."""
    value = "'" + text.replace("'", "''") + "'"
    return " E" + value.replace("\\", "\\\\") if "\\" in value else value


MARK = "Made by Sluice: `make remove` drops it"  # the comment that tells it from a role that an administrator made


def create_statement(role: str) -> str:
    return f"CREATE ROLE {quoted(role)} LOGIN"


def mark_statement(role: str) -> str:
    return f"COMMENT ON ROLE {quoted(role)} IS {literal(MARK)}"


def settings(rights: str, known: Collection[str]) -> dict[str, str]:
    """Return the settings of the role `rights`, as far as the server has them."""
    return {
        name: setting.value
        for name, setting in role_settings(ROLES[rights]).items()
        if name in known
    }


def setting_statements(
    database: str, role: str, rights: str, known: Collection[str]
) -> Iterator[str]:
    """Give `role`, when it logs into `database`, the settings of `rights`, which is one of the two roles."""
    for name, value in settings(rights, known).items():
        yield setting_statement(database, role, name, value)


def setting_statement(database: str, role: str, name: str, value: str) -> str:
    return f"ALTER ROLE {quoted(role)} IN DATABASE {quoted(database)} SET {name} = {literal(value)}"


def connection_limit_statement(role: str, limit: int) -> str:
    return f"ALTER ROLE {quoted(role)} CONNECTION LIMIT {limit}"
