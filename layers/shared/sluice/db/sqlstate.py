"""Translate errors of PostgreSQL to SluiceErrors, by one table from SQLSTATE to error.

The driver's error classes do not help: pg8000 raises the same one for almost all errors. The table
is searched for the SQLSTATE, then for its class (the first two characters). An unknown one is an
InternalError (500), unless a function of the database RAISEs it. The server's message, detail and
names are never sent to clients, because they contain SQL, table names and values of other rows. The
cause is logged.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from pg8000.exceptions import Error as DriverError
from pg8000.exceptions import InterfaceError

from sluice import errors
from sluice.db.driver.transport import DISCONNECT_MESSAGES
from sluice.db.error_names import ErrorNames
from sluice.errors import FieldError, SluiceError

# The fields of an ErrorResponse by their letters, among them C (SQLSTATE), M (message), D (detail),
# s (schema), t (table), c (column), n (constraint) and R (the server's routine).
Report = Mapping[str, str]


Rule = Callable[[Report, ErrorNames], SluiceError]

# Classes of SQLSTATEs whose messages are about the server, its locks, names and limits, not data.
CLASSES_WITHOUT_VALUES = (
    "08",
    "25",
    "26",
    "28",
    "3D",
    "3F",
    "40",
    "42",
    "53",
    "54",
    "55",
    "57",
    "58",
)

# SQLSTATEs of a statement on a table of another application that has the same name: a column is
# missing, or has another type.
FOREIGN_TABLE_SQLSTATES = ("42703", "42804", "42846")

# SQLSTATEs of a key that is taken, or missing in another table: the detail has its columns.
SQLSTATES_WITH_KEY = ("23503", "23505", "23P01")
# These patterns are compiled by the first error, which most cold starts do not have.
KEY = r"(?s)\((.*?)\)=\("
KIND_OF_CONSTRAINT = r"_(key|idx|check|fkey|excl|not_null)\d*$"
NAMES_IN_KEY = r'"((?:[^"]|"")+)"|(\w+)'

# The server's routines that report a row which a policy refuses, and what a function RAISEs.
SCAN_ROUTINE = "ExecOpenScanRelation"
POLICY_ROUTINE = "ExecWithCheckOptions"
RAISE_ROUTINE = "exec_stmt_raise"
# The classes that neither the SQL standard nor PostgreSQL uses, and 45, the standard's for users.
OWN_CLASS = r"45|(?!5[34578]|72|P0|XX)[5-9I-Z]"

# The prefixes of names in these two schemas. Messages are translated (lc_messages), but the names
# in them are not, and all statements qualify the functions of these schemas.
SLUICE_PREFIX = "sluice."
APPLICATION_PREFIX = "public."

NO_ROW = "does not exist"
# The local system looks once, at its start, whether its database is set up.
SETUP_NEEDED = (
    "Only reads are possible until the database is set up: run make migrate, then restart make run"
)


def _fields(report: Report, names: ErrorNames) -> list[str]:
    """Return the declared fields at fault."""
    for table, columns in _columns(report, names):
        found = [name for column in columns if (name := names.of(table, column))]
        if found:
            return [name.partition(".")[0] for name in dict.fromkeys(found)]
    return []


def _columns(report: Report, names: ErrorNames) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield a table and columns that may be at fault, the most certain ones first.

    They are the report's column, those of a declared constraint, those of the key in the detail,
    and those in the constraint's name, `<table>_<column>_<column>_<kind>`. There is no detail if
    the role may not read the table itself, such as a partition.
    """
    table = _table(report)
    if "c" in report:
        yield table, [report["c"]]
    constraint = report.get("n", "")
    columns = names.constraints.get(f"{report.get('s', '')}.{constraint}")
    if columns:
        yield columns
    if report.get("C") in SQLSTATES_WITH_KEY:
        yield table, _key_columns(report)
    for declared in names.declared(table) or [table]:
        if constraint.endswith("_pkey"):
            yield declared, names.keys.get(declared, ())
        for prefix in (table, declared):
            name = constraint.removeprefix(prefix.partition(".")[2] + "_")
            known = (*names.fields.get(declared, ()), *names.tenants.get(declared, ()))
            yield declared, _split(re.sub(KIND_OF_CONSTRAINT, "", name), known)


def _split(text: str, known: Collection[str]) -> list[str]:
    """Return the columns whose names, joined by `_`, are the text; the text if there are none."""
    for column in known if text not in known else ():
        rest = text.removeprefix(column + "_")
        columns = _split(rest, known) if rest != text else []
        if columns and columns[-1] in known:
            return [column, *columns]
    return [text]


def _table(report: Report) -> str:
    return f"{report.get('s', '')}.{report.get('t', '')}"


def _key_columns(report: Report) -> list[str]:
    """Return the names in a detail such as `Key (lower("Name"), id)=(x, 1) already exists.`

    The words around the key are translated, its form is not. Some names may be those of functions.
    """
    key = re.search(KEY, report.get("D", ""))
    names = re.findall(NAMES_IN_KEY, key[1]) if key else []
    return [quoted.replace('""', '"') or plain for quoted, plain in names]


def _error(error_class: Callable[[str], SluiceError], detail: str = "") -> Rule:
    return lambda report, names: error_class(detail)


def _invalid(code: str, message: str) -> Rule:
    """Return a rule for an invalid value. The fields are named if the server names the columns."""

    def rule(report: Report, names: ErrorNames) -> SluiceError:
        found = _field_errors(report, names, code, message)
        return errors.ValidationFailed("" if found else f"A value {message}", errors=found)

    return rule


def _duplicate(message: str) -> Rule:
    """Return a rule for a value that another row has, or that overlaps another row's."""
    return lambda report, names: errors.Duplicate(
        errors=_field_errors(report, names, "duplicate", message)
    )


def _field_errors(report: Report, names: ErrorNames, code: str, message: str) -> list[FieldError]:
    return [FieldError(code, message, pointer=f"/{name}") for name in _fields(report, names)]


def _foreign_key_violation(report: Report, names: ErrorNames) -> SluiceError:
    """Distinguish a missing parent from a parent that still has children.

    PostgreSQL uses one SQLSTATE for both, and different words. The words are translated
    (lc_messages), the names are not. Besides the key, the detail names one table. It is the table
    of the constraint (`t`) if that still refers to the key, or the parent table if the key is
    missing there. If both are one table, the key tells which row is meant.
    """
    without_key = re.sub(r"\(.*\)", " ", report.get("D", ""), flags=re.DOTALL)  # it holds values
    if not report.get("t") or not re.search(rf"\b{re.escape(report['t'])}\b", without_key):
        return _unknown(report, names)
    foreign_keys = names.self_references.get(_table(report), ())
    is_missing = ",".join(_key_columns(report)) in foreign_keys
    return _unknown(report, names) if is_missing else errors.StillReferenced()


def _not_null_violation(report: Report, names: ErrorNames) -> SluiceError:
    """Return "unknown" if the lookup of a row by another value found none, or else "required"."""
    is_lookup = "." in (names.of(_table(report), report.get("c", "")) or "")
    return _unknown(report, names) if is_lookup else _required(report, names)


def _check_violation(report: Report, names: ErrorNames) -> SluiceError:
    error_class = names.errors.get(report.get("n", ""))
    return _not_acceptable(report, names) if error_class is None else error_class()


def _insufficient_privilege(report: Report, names: ErrorNames) -> SluiceError:
    """Return ValidationFailed for a row that a policy refuses, or else NotSetUp."""
    if report.get("R") == POLICY_ROUTINE:
        return _not_acceptable_here(report, names)
    if report.get("R") == RAISE_ROUTINE:
        return _not_accepted(report, names)
    return errors.NotSetUp("A privilege is missing in the database: run make migrate")


def _undefined_table(report: Report, names: ErrorNames) -> SluiceError:
    """Return NotSetUp: `make migrate` was not run for this database, or for the application."""
    message = report.get("M", "")
    if SLUICE_PREFIX in message:
        return errors.NotSetUp("The database does not have the schema sluice: run make migrate")
    return errors.NotSetUp(
        "The database does not have the tables for this: run make migrate with APP"
    )


def _undefined_function(report: Report, names: ErrorNames) -> SluiceError:
    """Return NotSetUp for a function of a migration; otherwise the arguments are wrong."""
    message = report.get("M", "")
    is_migrated_function = SLUICE_PREFIX in message or APPLICATION_PREFIX in message
    return _undefined_table(report, names) if is_migrated_function else errors.InternalError()


def _undefined_schema(report: Report, names: ErrorNames) -> SluiceError:
    """Return NotSetUp for the schema sluice. No statement names another one."""
    if SLUICE_PREFIX.rstrip(".") in report.get("M", ""):
        return _undefined_table({**report, "M": SLUICE_PREFIX}, names)
    return errors.InternalError()


def _wrong_state(report: Report, names: ErrorNames) -> SluiceError:
    """Return NotSetUp for a materialized view that was never refreshed."""
    if report.get("R") == SCAN_ROUTINE:
        return errors.NotSetUp("A materialized view has no rows yet: its owner must refresh it")
    return errors.InternalError()


def _unknown_reference(report: Report, names: ErrorNames) -> SluiceError:
    """Return "unknown" for the fields in the message, as a foreign key's violation does."""
    fields = report.get("M", "").split(",")
    found = [FieldError("unknown", NO_ROW, pointer=f"/{name}") for name in fields if name]
    return errors.ValidationFailed(errors=found)


_unknown = _invalid("unknown", NO_ROW)
_required = _invalid("required", "is missing")
_not_acceptable = _invalid("invalid", "is not acceptable")
_not_acceptable_here = _invalid("invalid", "is not acceptable here")
_database_unavailable = _error(errors.DatabaseUnavailable)
_not_accepted = _error(
    lambda detail: errors.ValidationFailed(detail), "The database does not accept this."
)

RULES: Mapping[str, Rule] = {
    "08": _database_unavailable,  # connection exceptions
    "08P01": _error(errors.InternalError),  # protocol violation: a bug, which a retry repeats
    "0L": _database_unavailable,  # invalid grantor: our credentials are wrong
    "0P": _database_unavailable,  # invalid role
    "22": _not_acceptable,  # data exceptions
    "22001": _invalid("too_long", "is too long"),
    "22003": _invalid("out_of_range", "is out of range"),
    "22007": _invalid("invalid", "cannot be read as a time"),
    "22008": _invalid("out_of_range", "is out of the range of times"),
    "22021": _invalid("invalid", "holds a character that cannot be stored"),
    "23001": _error(errors.StillReferenced),  # restrict
    "23502": _not_null_violation,
    "23503": _foreign_key_violation,
    "23505": _duplicate("is already taken"),
    "23514": _check_violation,
    "23P01": _duplicate("overlaps another row's"),  # exclusion
    "25006": _database_unavailable,  # read-only: after a failover this server is a replica
    "25P03": _database_unavailable,  # idle in transaction for too long
    "25P04": _database_unavailable,  # transaction_timeout
    "26": _error(errors.RolledBack),  # a pooler lost a prepared statement
    "28": _database_unavailable,  # our password or token
    "3F000": _undefined_schema,
    "40001": _error(errors.RolledBack),  # serialization failure
    "40002": _error(errors.Conflict),
    "40003": _error(
        errors.DatabaseUnavailable,
        "Whether this took effect is unknown; send it again with the same key.",
    ),
    "40P01": _error(errors.RolledBack),  # deadlock
    "42501": _insufficient_privilege,
    "42883": _undefined_function,
    "42P01": _undefined_table,
    "44": _not_acceptable_here,  # with check option
    "53": _database_unavailable,  # disk, memory or connections are exhausted
    "54": _error(
        lambda detail: errors.ValidationFailed(detail),
        "This is more than the database can take at once.",
    ),
    "55000": _wrong_state,
    "55006": _database_unavailable,  # object in use
    "55P03": _database_unavailable,  # lock_timeout: a retry would wait as long again
    "57014": _error(errors.StatementTimeout),
    "57P01": _error(errors.ConnectionLost),  # admin shutdown
    "57P02": _error(errors.ConnectionLost),  # crash shutdown
    "57P03": _database_unavailable,  # starting up
    "57P05": _error(errors.ConnectionLost),  # idle_session_timeout
    "IKHAS": _error(
        errors.IdempotencyKeyReused
    ),  # sluice.claim_idempotency_key: the key has a response
    "IKRUN": _error(
        errors.IdempotencyInProgress
    ),  # sluice.claim_idempotency_key: the first request runs
    "P0001": _not_accepted,  # RAISE without a SQLSTATE
    "P0002": _error(errors.NotFound),  # no data found
    "PT404": _error(errors.NotFound),  # PTnnn: a function of Sluice names the HTTP status
    "PT409": _error(errors.Conflict),
    "PT412": _error(errors.StaleVersion),
    "PT422": _not_accepted,
    "SLREF": _unknown_reference,  # sluice.raise_unknown: a reference to no row of the tenant
    "SLBHD": _error(errors.ReplicaBehind),  # sluice.require_lsn: not replayed yet
}


def from_report(report: Report, names: ErrorNames) -> SluiceError:
    """Return the error for a server's report; InternalError if its SQLSTATE is not in RULES.

    A function of the database may RAISE a SQLSTATE of its own to refuse what the client sent.
    """
    state = report.get("C", "")
    is_own = report.get("R") == RAISE_ROUTINE and re.match(OWN_CLASS, state)
    unknown = _not_accepted if is_own else _error(errors.InternalError)
    rule = RULES.get(state) or RULES.get(state[:2]) or unknown
    return rule(report, names)


def translate(
    error: BaseException,
    *,
    connected: bool,
    migrated: bool = True,
    names: Callable[[], ErrorNames] = ErrorNames,
    statement: str = "",
) -> SluiceError | None:
    """Return the SluiceError for an error of the driver, or None for any other error.

    The caller raises it `from` the error. If not `connected`, connecting failed, so the database is
    unavailable. If not `migrated` (before `make migrate`), sessions are read-only, and a table may
    belong to another application. Both are NotSetUp. `names` is called for a report of the server.
    `statement` is the one that failed.
    """
    if isinstance(error, SluiceError) or not isinstance(error, (DriverError, OSError)):
        return None
    if not connected:
        return errors.DatabaseUnavailable()
    if error.args and isinstance(error.args[0], dict):
        report = error.args[0]
        error.args = (redact(report),)  # the error becomes the cause, and causes are logged
        unmigrated = None if migrated else _unmigrated_error(report)
        return unmigrated or from_report(report, names().after(statement))
    if _is_socket_timeout(error):
        # The server may still run the statement. ConnectionLost would run it a second time.
        return errors.DatabaseUnavailable()
    if isinstance(error, OSError) or str(error) in DISCONNECT_MESSAGES:
        return errors.ConnectionLost()
    return errors.InternalError()  # the driver was used wrongly


def _unmigrated_error(report: Report) -> SluiceError | None:
    """Return the error that a database has because `make migrate` was not run for it."""
    state = report.get("C")
    if state == "25006":
        return errors.NotSetUp(SETUP_NEEDED)
    if state in FOREIGN_TABLE_SQLSTATES:
        return errors.NotSetUp("The table of this name belongs to another application")
    return None


def redact(report: Report) -> dict[str, str]:
    """Return the fields of a report that may be logged: all that hold no values of rows.

    Values are in the detail and the context, in messages about data, and in what a function RAISEs.
    """
    has_safe_class = report.get("C", "").startswith(CLASSES_WITHOUT_VALUES)
    has_safe_message = has_safe_class and report.get("R") != RAISE_ROUTINE
    letters = "SVCstcnRFL" + ("M" if has_safe_message else "")
    return {letter: value for letter, value in report.items() if letter in letters}


def _is_socket_timeout(error: BaseException) -> bool:
    """Return whether our socket's timeout expired. TCP's own timeout, ETIMEDOUT, has an errno."""
    reason = error.__cause__ if isinstance(error, InterfaceError) else error
    return isinstance(reason, TimeoutError) and reason.errno is None
