"""The two roles, and the settings that they have in this database.

`sluice_app` is what the functions work as, `sluice_analyst` what analysts' SQL works as. Roles belong to the whole
server, so another database of it may have made them, or be making them now. Neither has a password: an operator gives
it one, or `rds_iam`. Every migration sets the settings again, because a role may change its own.

A setting of a role in a database takes no round trip and does not pin a connection of RDS Proxy. It applies to the
role that logs in; a member of the role needs the settings too.
"""

from collections.abc import Iterable, Mapping

APP, ANALYST = "sluice_app", "sluice_analyst"
ANALYST_CONNECTIONS = 50

APP_SETTINGS: Mapping[str, str] = {
    "statement_timeout": "14s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
    "max_parallel_workers_per_gather": "0",  # a page is read soon; to start workers takes 10 ms
}

# An analyst's query shares the server with the application: little memory for each of its steps, one process, and no
# compiler started for an estimate.
ANALYST_SETTINGS: Mapping[str, str] = {
    "default_transaction_read_only": "on",
    "statement_timeout": "5s",
    "lock_timeout": "200ms",
    "idle_in_transaction_session_timeout": "10s",
    "work_mem": "8MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "search_path": "public",
    # Bounds what does not fit into work_mem. Only a superuser may set it, or a role with SET on it; on RDS it is a
    # parameter of the instance.
    "temp_file_limit": "256MB",
}
SETTINGS = {APP: APP_SETTINGS, ANALYST: ANALYST_SETTINGS}


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string, whatever standard_conforming_strings is."""
    value = "'" + text.replace("'", "''") + "'"
    return " E" + value.replace("\\", "\\\\") if "\\" in value else value


def create_statement(role: str) -> str:
    return f"CREATE ROLE {quoted(role)} LOGIN"


def setting_statements(database: str, role: str, rights: str) -> Iterable[str]:
    """Give `role`, when it logs into `database`, the settings of `rights`, which is one of the two roles."""
    for name, value in SETTINGS[rights].items():
        yield f"ALTER ROLE {quoted(role)} IN DATABASE {quoted(database)} SET {name} = {literal(value)}"


def connection_limit_statement(role: str, limit: int) -> str:
    return f"ALTER ROLE {quoted(role)} CONNECTION LIMIT {limit}"
