"""The PostgreSQL settings that Sluice pins in its sessions, with the reason for each.

The default of a setting may come from postgresql.conf, a parameter group, ALTER DATABASE or ALTER
ROLE. Migrations set the values below by `ALTER ROLE … IN DATABASE … SET`, which overrides all of
those. A direct connection also sends `startup_settings("none")` when it opens; behind a pooler it
sends only what the pooler accepts. This module holds no SQL.

docs/decisions/0020-session-settings.md has the table of settings. The tests of sessions go through
pg_settings.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from sluice.settings import Pooler

PGBOUNCER = "pgbouncer"
RDS_PROXY = "rds-proxy"
SEARCH_PATH = "search_path"

Affected = Literal["results", "speed", "limit"]


class Setting(NamedTuple):
    """A pinned setting. `value` is written as `current_setting` returns it.

    `affects` says what another value would change: results (data and errors), speed, or a limit.
    """

    value: str
    reason: str
    affects: Affected = "results"
    poolers: frozenset[str] = frozenset()  # those that accept it as a startup parameter
    since: int = 14  # the first major version with it; 0: some minor releases lack it
    needs_grant: bool = False  # for superusers, and from PostgreSQL 15 by GRANT SET ON PARAMETER


def _plan(value: str, reason: str = "the tests of plans expect it", *, since: int = 14) -> Setting:
    return Setting(value, reason, "speed", since=since)


# PgBouncer tracks these in every version. RDS Proxy accepts only the parameters that pgjdbc always
# sends.
_BOTH = frozenset({PGBOUNCER, RDS_PROXY})
_PGBOUNCER = frozenset({PGBOUNCER})

# The text formats of values.
FORMAT_SETTINGS: Mapping[str, Setting] = {
    "client_encoding": Setting("UTF8", "text in both directions", poolers=_BOTH),
    "DateStyle": Setting(
        "ISO, YMD", "text of dates and times, order of 01/02/03 on input", poolers=_BOTH
    ),
    "TimeZone": Setting(
        "UTC", "text of timestamptz, days and months of date_trunc and extract", poolers=_BOTH
    ),
    "IntervalStyle": Setting("postgres", "text of intervals"),
    "timezone_abbreviations": Setting("Default", "the meaning of EST and others on input"),
    "extra_float_digits": Setting("1", "floats in the shortest form that reads back exactly"),
    "bytea_output": Setting("hex", "text of bytea"),
    "xmlbinary": Setting("base64", "text of bytea within xml"),
    "xmloption": Setting("content", "whether xml may be a fragment"),
    "lc_monetary": Setting("C", "text of money"),
    "lc_numeric": Setting("C", "to_char with D and G"),
    "lc_time": Setting("C", "to_char with TMMonth and TMDay"),
    "array_nulls": Setting("on", "{NULL} is a null, not the text NULL"),
    "quote_all_identifiers": Setting("off", "text of quote_ident, format('%I') and pg_get_*def"),
}

# The meaning of statements.
STATEMENT_SETTINGS: Mapping[str, Setting] = {
    "standard_conforming_strings": Setting(
        "on", "backslashes in literals are plain characters", poolers=_PGBOUNCER
    ),
    "backslash_quote": Setting("safe_encoding", "\\' in E'' literals"),
    "transform_null_equals": Setting("off", "x = NULL stays unknown"),
    SEARCH_PATH: Setting("public", "which table an unqualified name is"),  # or the application's
    "row_security": Setting("on", "policies filter rows instead of raising an error"),
    "gin_fuzzy_search_limit": Setting("0", "a search finds every row, not a random part"),
    "default_transaction_isolation": Setting(
        "read committed", "retries and row locks depend on it"
    ),
    "default_transaction_deferrable": Setting("off", "no transaction waits for a safe snapshot"),
    "default_transaction_read_only": Setting("off", "writes are accepted"),
    "exit_on_error": Setting("off", "an error ends the statement, not the session"),
    "client_min_messages": Setting("warning", "the server sends no debug messages", "speed"),
    "restrict_nonsystem_relation_kind": Setting(
        "", "views and foreign tables can be read", since=0
    ),
    "session_replication_role": Setting(
        "origin", "triggers and foreign keys are enforced", needs_grant=True
    ),
    "lo_compat_privileges": Setting("off", "large objects have privileges", needs_grant=True),
}

# The planner: its methods and cost constants.
PLANNER_SETTINGS: Mapping[str, Setting] = {
    "random_page_cost": _plan(
        "1.1", "storage is not a spinning disk: 0.94 ms instead of 3.8 for 100 rows"
    ),
    "seq_page_cost": _plan("1", "the unit of the cost limit of ad-hoc SQL"),
    "cpu_tuple_cost": _plan("0.01", "as seq_page_cost"),
    "cpu_index_tuple_cost": _plan("0.005", "as seq_page_cost"),
    "cpu_operator_cost": _plan("0.0025", "as seq_page_cost"),
    "jit": _plan("off", "compiling takes longer than the statements"),
    "max_parallel_workers_per_gather": _plan(
        "0", "starting workers takes 10 ms, more than reading a page"
    ),
    "plan_cache_mode": _plan("auto", "prepared statements get a generic plan unless it costs more"),
    "constraint_exclusion": _plan("partition"),
    "from_collapse_limit": _plan("8", "the planner chooses the order of joins"),
    "join_collapse_limit": _plan("8", "the planner chooses the order of joins"),
    "geqo_threshold": _plan("12", "no genetic optimiser below 12 tables"),
    "enable_bitmapscan": _plan("on"),
    "enable_hashagg": _plan("on"),
    "enable_hashjoin": _plan("on"),
    "enable_incremental_sort": _plan("on"),
    "enable_indexonlyscan": _plan("on"),
    "enable_indexscan": _plan("on"),
    "enable_material": _plan("on"),
    "enable_memoize": _plan("on"),
    "enable_mergejoin": _plan("on"),
    "enable_nestloop": _plan("on"),
    "enable_partition_pruning": _plan("on"),
    "enable_seqscan": _plan("on"),
    "enable_sort": _plan("on"),
    "enable_tidscan": _plan("on"),
    "enable_presorted_aggregate": _plan("on", since=16),
    "enable_group_by_reordering": _plan("on", since=17),
    "enable_distinct_reordering": _plan("on", since=18),
    "enable_self_join_elimination": _plan("on", since=18),
}

PINNED_SETTINGS: Mapping[str, Setting] = {
    **FORMAT_SETTINGS,
    **STATEMENT_SETTINGS,
    **PLANNER_SETTINGS,
}

# Limits of the two roles. They are not startup parameters, because migrations may take longer.
APP: Mapping[str, Setting] = {
    "statement_timeout": Setting("14s", "ends before the function does", "limit"),
    "lock_timeout": Setting("5s", "a request that waits longer for a lock is a 503", "limit"),
    "idle_in_transaction_session_timeout": Setting(
        "15s", "a frozen environment holds no locks", "limit"
    ),
    "transaction_timeout": Setting(
        "0", "it would end the session; the limits above are enough", "limit", since=17
    ),
}
ANALYST: Mapping[str, Setting] = {
    "default_transaction_read_only": Setting("on", "ad-hoc SQL only reads"),
    "statement_timeout": Setting("5s", "ad-hoc SQL shares the server with the API", "limit"),
    "lock_timeout": Setting("200ms", "a migration does not wait for ad-hoc SQL", "limit"),
    "idle_in_transaction_session_timeout": Setting(
        "10s", "a frozen environment holds no locks", "limit"
    ),
    "transaction_timeout": Setting(
        "0", "it would end the session; the limits above are enough", "limit", since=17
    ),
    "work_mem": Setting("8MB", "memory of each sort and hash", "limit"),
    "temp_file_limit": Setting(
        "256MB", "sorts and hashes over work_mem use disk", "limit", needs_grant=True
    ),
}


def role_settings(
    role: Literal["app", "analyst"], search_path: Sequence[str] = ()
) -> Mapping[str, Setting]:
    """Return a role's settings, for ALTER ROLE: all pinned ones, and the limits of the role.

    `search_path` is that of the application. Migrations skip settings that the server does not
    have. If the owner may not set one that `needs_grant`, they report it.
    """
    limits = APP if role == "app" else ANALYST
    return {**PINNED_SETTINGS, **limits, SEARCH_PATH: _search_path(search_path)}


def startup_settings(pooler: Pooler, search_path: Sequence[str] = ()) -> dict[str, str]:
    """Return the startup parameters: those of every major version, or those the pooler accepts."""
    pinned = {**PINNED_SETTINGS, SEARCH_PATH: _search_path(search_path)}
    return {
        name: setting.value
        for name, setting in pinned.items()
        if _is_startup_parameter(setting, pooler)
    }


def _search_path(schemas: Sequence[str]) -> Setting:
    """Return the setting of an application, or that for `public` if it has no schemas."""
    setting = PINNED_SETTINGS[SEARCH_PATH]
    if not schemas:
        return setting
    quoted = (name.replace('"', '""') for name in schemas)
    return setting._replace(value=", ".join(f'"{name}"' for name in quoted))


def is_equal(name: str, one: str, other: str) -> bool:
    """Return whether two values of a setting are equal. Schemas may be quoted or not."""
    if name == SEARCH_PATH:
        return _schemas(one) == _schemas(other)
    return one.lower() == other.lower()


def _schemas(value: str) -> list[str]:
    names = re.findall(r'"((?:[^"]|"")*)"|([^,\s"]+)', value)
    return [quoted.replace('""', '"') or plain.lower() for quoted, plain in names]


def _is_startup_parameter(setting: Setting, pooler: Pooler) -> bool:
    if pooler == "none":
        return setting.since == 14 and not setting.needs_grant
    return pooler in setting.poolers


class Deviation(NamedTuple):
    """A pinned setting that has another value in a live session."""

    setting: str
    expected: str
    actual: str
    affects: Affected


def deviations(actual: Mapping[str, str], search_path: Sequence[str] = ()) -> list[Deviation]:
    """Return the pinned settings of the app role that differ in `actual`.

    Settings that the server does not have are skipped. `search_path` is the application's.
    """
    return [
        Deviation(name, setting.value, actual[name], setting.affects)
        for name, setting in role_settings("app", search_path).items()
        if name in actual and not is_equal(name, actual[name], setting.value)
    ]
