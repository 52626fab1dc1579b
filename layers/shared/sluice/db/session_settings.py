"""The PostgreSQL settings that Sluice pins in its sessions, with the reason for each. Data only, no SQL.

The defaults of a session may come from postgresql.conf, a parameter group, ALTER DATABASE or ALTER ROLE. Each
migration sets these values by `ALTER ROLE … IN DATABASE … SET`, which outranks all of those. A direct connection also
sends `startup_settings("none")` when it connects; behind a pooler it sends only what that pooler accepts.
docs/decisions/0020-session-settings.md has the table, and tests/sessions/test_left_alone.py goes through pg_settings.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from sluice.settings import Pooler

PGBOUNCER, RDS_PROXY = "pgbouncer", "rds-proxy"


class Setting(NamedTuple):
    """One pinned setting. `value` is written as `current_setting` shows it.

    `changes` says what another value would change: answers (data, results, errors), or only speed, or a limit.
    """

    value: str
    reason: str
    changes: Literal["answers", "speed", "limit"] = "answers"
    poolers: frozenset[str] = frozenset()  # those that accept it as a startup parameter
    since: int = 14  # the first major that has it; 0: some minor releases of a major lack it
    needs_grant: bool = (
        False  # only a superuser may set it, or a role with GRANT SET ON PARAMETER (PostgreSQL 15)
    )


def _plan(value: str, reason: str = "a plan that its tests expect", *, since: int = 14) -> Setting:
    return Setting(value, reason, "speed", since=since)


# PgBouncer tracks these in every version; RDS Proxy accepts what pgjdbc always sends, and rejects unknown names.
_BOTH = frozenset({PGBOUNCER, RDS_PROXY})
_PGBOUNCER = frozenset({PGBOUNCER})

# How values are written and read.
VALUES: Mapping[str, Setting] = {
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

# What a statement means.
MEANING: Mapping[str, Setting] = {
    "standard_conforming_strings": Setting(
        "on", "backslashes in literals are plain characters", poolers=_PGBOUNCER
    ),
    "backslash_quote": Setting("safe_encoding", "\\' in E'' literals"),
    "transform_null_equals": Setting("off", "x = NULL stays unknown"),
    "search_path": Setting("public", "which table an unqualified name is"),
    "row_security": Setting("on", "policies filter rows instead of raising an error"),
    "gin_fuzzy_search_limit": Setting("0", "a search finds every row, not a random part"),
    "default_transaction_isolation": Setting(
        "read committed", "what retries and row locks are written for"
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

# What the planner may use, and what it thinks things cost.
PLANS: Mapping[str, Setting] = {
    "random_page_cost": _plan(
        "1.1", "storage is not a spinning disk: 0.94 ms instead of 3.8 for 100 products"
    ),
    "seq_page_cost": _plan("1", "the unit of the cost that analysts' statements may have"),
    "cpu_tuple_cost": _plan("0.01", "as seq_page_cost"),
    "cpu_index_tuple_cost": _plan("0.005", "as seq_page_cost"),
    "cpu_operator_cost": _plan("0.0025", "as seq_page_cost"),
    "jit": _plan("off", "compiling takes longer than our statements run"),
    "max_parallel_workers_per_gather": _plan(
        "0", "a page is soon read; starting workers takes 10 ms"
    ),
    "plan_cache_mode": _plan(
        "auto", "prepared statements get a generic plan where that is no dearer"
    ),
    "constraint_exclusion": _plan("partition"),
    "from_collapse_limit": _plan("8", "order of joins is the planner's choice"),
    "join_collapse_limit": _plan("8", "order of joins is the planner's choice"),
    "geqo_threshold": _plan("12", "no random plans for few tables"),
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

SESSION: Mapping[str, Setting] = {**VALUES, **MEANING, **PLANS}

# Limits of the two roles. They are set by ALTER ROLE alone: an import and a migration may take longer.
APP: Mapping[str, Setting] = {
    "statement_timeout": Setting("14s", "ends before the function does", "limit"),
    "lock_timeout": Setting("5s", "a lock that is not free soon is a 503", "limit"),
    "idle_in_transaction_session_timeout": Setting(
        "15s", "a frozen environment holds no locks", "limit"
    ),
    "transaction_timeout": Setting(
        "0", "it would end the session; the three above are enough", "limit", since=17
    ),
}
ANALYST: Mapping[str, Setting] = {
    "default_transaction_read_only": Setting("on", "an analyst only reads"),
    "statement_timeout": Setting(
        "5s", "an analyst's statement shares the server with the API", "limit"
    ),
    "lock_timeout": Setting("200ms", "a migration does not wait behind an analyst", "limit"),
    "idle_in_transaction_session_timeout": Setting(
        "10s", "a frozen environment holds no locks", "limit"
    ),
    "transaction_timeout": Setting(
        "0", "it would end the session; the three above are enough", "limit", since=17
    ),
    "work_mem": Setting("8MB", "memory of each sort and hash", "limit"),
    "temp_file_limit": Setting(
        "256MB", "what does not fit into work_mem goes to disk", "limit", needs_grant=True
    ),
}


def role_settings(role: Literal["app", "analyst"]) -> Mapping[str, Setting]:
    """Return what `ALTER ROLE … IN DATABASE … SET` gives this role: every pinned setting, then its own limits.

    A migration leaves out the names that pg_settings of its server does not have, and reports those that
    `needs_grant` where the owner may not set them.
    """
    return {**SESSION, **(APP if role == "app" else ANALYST)}


def startup_settings(pooler: Pooler) -> dict[str, str]:
    """Return what a connection sends at startup: all that every major accepts, or what the pooler accepts."""
    return {
        name: setting.value
        for name, setting in SESSION.items()
        if (
            setting.since == 14 and not setting.needs_grant
            if pooler == "none"
            else pooler in setting.poolers
        )
    }


class Deviation(NamedTuple):
    """A pinned setting that has another value in a live session."""

    setting: str
    wanted: str
    found: str
    changes: Literal["answers", "speed", "limit"]


def deviations(found: Mapping[str, str]) -> list[Deviation]:
    """Return the settings of the app role that differ in `found`; those that its server lacks are passed over."""
    return [
        Deviation(name, setting.value, found[name], setting.changes)
        for name, setting in role_settings("app").items()
        if name in found and found[name].lower() != setting.value.lower()
    ]


SESSION_SETTINGS: Mapping[str, str] = {name: setting.value for name, setting in SESSION.items()}
APP_SETTINGS: Mapping[str, str] = {name: setting.value for name, setting in APP.items()}
ANALYST_SETTINGS: Mapping[str, str] = {name: setting.value for name, setting in ANALYST.items()}
