"""What does the server's refusal mean to a client? One table from SQLSTATE to our errors, hooked on the engine once.

Driver classes mean nothing here: pg8000 gives almost all of them the same one. A state is looked up whole, then by
its class (the first two characters); one that is not in the table is a fault of ours (500). The server's message,
detail and names never leave: they hold SQL, tables and other rows' values. The cause goes to the log.
"""

import re
from collections.abc import Callable, Mapping

from pg8000.exceptions import Error as DriverError
from pg8000.exceptions import InterfaceError
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from sluice import errors
from sluice.db.transport import DISCONNECT_MESSAGES
from sluice.errors import FieldError, SluiceError

Report = Mapping[
    str, str
]  # the fields of an ErrorResponse, by their letters: C state, c column, n constraint, t table
Rule = Callable[[Report], SluiceError]

# Columns that a client can set, and what it calls them. A column that is not here is not named to anybody.
FIELDS = {
    "category_id": "category",
    **{
        name: name
        for name in ("name", "slug", "description", "price", "quantity", "email", "status")
    },
    **{name: name for name in ("user_id", "product_id", "unit_price", "total")},
}

# The classes of states whose messages are about the server, its locks, names and limits, and never about data.
MESSAGES_WITHOUT_VALUES = (
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

STOCK_CHECK = "inventory_quantity_check"


def _field(report: Report) -> str | None:
    """The client's name of the column at fault: the report's own, or the middle of `<table>_<column>_<kind>`."""
    constraint = report.get("n", "").removeprefix(report.get("t", "") + "_")
    return FIELDS.get(report.get("c") or re.sub("_(key|check|fkey|excl|not_null)$", "", constraint))


def _faults(report: Report, code: str, message: str) -> list[FieldError]:
    field = _field(report)
    return [] if field is None else [FieldError(code, message, pointer=f"/{field}")]


def _is(kind: Callable[[str], SluiceError], detail: str = "") -> Rule:
    return lambda report: kind(detail)


def _invalid(code: str, message: str) -> Rule:
    """The value of one field; where the server does not name the column, some value."""
    return lambda report: errors.ValidationFailed(
        "" if _field(report) else f"A value {message}", errors=_faults(report, code, message)
    )


def _taken(report: Report) -> SluiceError:
    return errors.Duplicate(errors=_faults(report, "duplicate", "is already taken"))


def _reference(report: Report) -> SluiceError:
    """The server uses one state for a child without parent and a parent with children, and words for the difference.

    Words are translated (lc_messages), names are not: the table named beside the key is the one that still refers to
    it, which is the constraint's own table (`t`), or the parent that lacks it.
    """
    beside = re.sub(
        r"\(.*\)", " ", report.get("D", ""), flags=re.DOTALL
    )  # without the key: it holds values
    if report.get("t") and re.search(rf"\b{re.escape(report['t'])}\b", beside):
        return errors.StillReferenced()
    return _invalid("unknown", "does not exist")(report)


def _missing(report: Report) -> SluiceError:
    """No client sends an id that is missing: it is what a lookup by what the client did send has not found."""
    if report.get("c", "").endswith("_id"):
        return _invalid("unknown", "does not exist")(report)
    return _invalid("required", "is missing")(report)


def _check(report: Report) -> SluiceError:
    if report.get("n") == STOCK_CHECK:
        return errors.OutOfStock()
    return _invalid("invalid", "is not acceptable")(report)


# Messages are translated (lc_messages), names in them are not. Statements qualify these two schemas' functions.
ENGINE_SCHEMA, APPLICATION_SCHEMA = "sluice.", "public."


def _not_set_up(report: Report) -> SluiceError:
    """A table or a schema that is not there: `make migrate` was never run for this database, or not for this part."""
    message = report.get("M", "")
    if ENGINE_SCHEMA in message:
        return errors.NotSetUp("This needs the schema sluice in the database: make migrate")
    return errors.NotSetUp("The database does not have the tables for this: make migrate, with APP")


def _no_function(report: Report) -> SluiceError:
    """A function of a migration that is not there. Of another function or operator the arguments are wrong."""
    message = report.get("M", "")
    ours = ENGINE_SCHEMA in message or APPLICATION_SCHEMA in message
    return _not_set_up(report) if ours else errors.InternalError()


def _no_schema(report: Report) -> SluiceError:
    """A schema that is not there: the engine's own, or one that no statement of ours names."""
    if ENGINE_SCHEMA.rstrip(".") in report.get("M", ""):
        return _not_set_up({**report, "M": ENGINE_SCHEMA})
    return errors.InternalError()


RULES: Mapping[str, Rule] = {
    "08": _is(errors.DatabaseUnavailable),  # connection exceptions
    "08P01": _is(errors.InternalError),  # protocol violation: our bug, trying again does not help
    "0L": _is(
        errors.DatabaseUnavailable
    ),  # invalid grantor: our credentials are wrong, not the caller's
    "0P": _is(errors.DatabaseUnavailable),  # invalid role
    "22": _invalid("invalid", "is not acceptable"),  # data exceptions
    "22001": _invalid("too_long", "is too long"),
    "22003": _invalid("out_of_range", "is out of range"),
    "22007": _invalid("invalid", "cannot be read as a time"),
    "22008": _invalid("out_of_range", "is out of the range of times"),
    "22012": _is(errors.InternalError),  # division by zero: our arithmetic
    "2201W": _is(errors.ReplicaBehind),  # a LIMIT under 0, which only db/replica.py asks for
    "22021": _invalid("invalid", "holds a character that cannot be stored"),
    "23001": _is(errors.StillReferenced),  # restrict
    "23502": _missing,
    "23503": _reference,
    "23505": _taken,
    "23514": _check,
    "23P01": _taken,  # exclusion
    "25006": _is(errors.DatabaseUnavailable),  # read only: a failover left us with a reader
    "25P03": _is(errors.DatabaseUnavailable),  # idle in transaction for too long
    "25P04": _is(errors.DatabaseUnavailable),  # transaction_timeout
    "26": _is(errors.RolledBack),  # a prepared statement that a pooler lost
    "28": _is(errors.DatabaseUnavailable),  # our password or token
    "3F000": _no_schema,
    "40001": _is(errors.RolledBack),  # serialization failure
    "40002": _is(errors.Conflict),
    "40003": _is(
        errors.DatabaseUnavailable,
        "Whether this took effect is unknown; send it again with the same key.",
    ),
    "40P01": _is(errors.RolledBack),  # deadlock
    "42883": _no_function,
    "42P01": _not_set_up,
    "44": _invalid("invalid", "is not acceptable here"),  # with check option
    "53": _is(errors.DatabaseUnavailable),  # disk, memory or connections run out
    "54": _is(
        lambda detail: errors.ValidationFailed(detail),
        "This is more than the database can take at once.",
    ),
    "55006": _is(errors.DatabaseUnavailable),  # object in use
    "55P03": _is(
        errors.DatabaseUnavailable
    ),  # lock_timeout: it was waited for; trying again would wait again
    "57014": _is(errors.StatementTimeout),
    "57P01": _is(errors.ConnectionLost),  # admin shutdown
    "57P02": _is(errors.ConnectionLost),  # crash shutdown
    "57P03": _is(errors.DatabaseUnavailable),  # starting up
    "57P05": _is(errors.ConnectionLost),  # idle_session_timeout
    "IKHAS": _is(errors.IdempotencyKeyReused),  # sluice.claim_key: there is an answer
    "IKRUN": _is(errors.IdempotencyInProgress),  # sluice.claim_key: there will be
    "P0001": _is(
        lambda detail: errors.ValidationFailed(detail), "The database does not accept this."
    ),  # RAISE
    "P0002": _is(errors.NotFound),  # no data found
    "PT404": _is(errors.NotFound),  # PTnnn: functions of ours that say which status they mean
    "PT409": _is(errors.Conflict),
    "PT412": _is(errors.StaleVersion),
    "PT422": _is(
        lambda detail: errors.ValidationFailed(detail), "The database does not accept this."
    ),
}


# Without migrations, a table may have the name that a statement means and be another one: no such column, another type.
OTHER_TABLES = ("42703", "42804", "42846")


def from_report(report: Report) -> SluiceError:
    """The error for a server's report; `InternalError` for a state nobody foresaw."""
    state = report.get("C", "")
    rule = RULES.get(state) or RULES.get(state[:2]) or _is(errors.InternalError)
    return rule(report)


def translate(
    error: BaseException, *, connected: bool, migrated: bool = True
) -> SluiceError | None:
    """Ours for what the driver raised, to be raised `from` it; None for what is no driver's error.

    `connected` is False for a failure to connect: whatever its reason, the database cannot be reached. Without
    `migrated` sessions are read-only, and a write is NotSetUp; so is reading a table of another application that has
    the name of one of ours.
    """
    if isinstance(error, SluiceError) or not isinstance(error, (DriverError, OSError)):
        return None
    if not connected:
        return errors.DatabaseUnavailable()
    if error.args and isinstance(error.args[0], dict):
        report = error.args[0]
        error.args = (redact(report),)  # it goes on as the cause, and causes are logged
        if not migrated and report.get("C") == "25006":
            return errors.NotSetUp(
                "Only reading is possible until the database is set up: make migrate"
            )
        if not migrated and report.get("C") in OTHER_TABLES:
            return errors.NotSetUp(
                "The database has a table of this name that is another application's"
            )
        return from_report(report)
    if _gave_up_waiting(error):
        # The server may still be at it, so not ConnectionLost: that would run it a second time beside the first.
        return errors.DatabaseUnavailable()
    if isinstance(error, OSError) or str(error) in DISCONNECT_MESSAGES:
        return errors.ConnectionLost()
    return errors.InternalError()  # the driver was used wrongly


def redact(report: Report) -> dict[str, str]:
    """What of a report may be logged: what happened, where in the server, to which constraint; and no row's values.

    Those stand in the detail and the context, in messages about data, and in what a function RAISEs.
    """
    about_no_data = (
        report.get("C", "").startswith(MESSAGES_WITHOUT_VALUES)
        and report.get("R") != "exec_stmt_raise"
    )
    letters = "SVCstcnRFL" + ("M" if about_no_data else "")
    return {letter: value for letter, value in report.items() if letter in letters}


def _gave_up_waiting(error: BaseException) -> bool:
    """Our socket's timeout, as opposed to ETIMEDOUT: TCP's word that nobody is there any more, which has a number."""
    reason = error.__cause__ if isinstance(error, InterfaceError) else error
    return isinstance(reason, TimeoutError) and reason.errno is None


def is_migrated(engine: Engine) -> bool:
    """Whether the settings say that `make migrate` was run for this engine's database."""
    return bool(engine.get_execution_options().get("migrated", True))


def translate_errors(engine: Engine) -> None:
    """Make every statement, commit and connect of this engine raise our errors. Once for each engine."""

    def handle(context: ExceptionContext) -> BaseException | None:
        if context.is_pre_ping:
            return None  # the pool wants to know that the connection is dead, to replace it
        connected = context.connection is not None
        return translate(
            context.original_exception, connected=connected, migrated=is_migrated(engine)
        )

    event.listen(engine, "handle_error", handle, retval=True)
