"""A DB-API cursor over a connection that sends each statement in one flush."""

from collections.abc import Mapping, Sequence
from typing import Any

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.legacy import Cursor, IntegrityError, ProgrammingError

from sluice.db.driver import protocol


class PipelinedCursor(Cursor):  # type: ignore[misc]
    """A cursor whose `execute` takes one round trip. `stream` (COPY) works as in pg8000.

    With `prepare`, the server may keep the statement and its plan for the next execution.
    """

    _input_oids: Sequence[int]
    _before = b""  # encoded statements to send before the next one
    prepare = False

    def send_before(self, operation: str, args: Sequence[Any] = ()) -> None:
        """Send a statement without rows before the next one, in its flush and its transaction.

        Nothing is sent until `execute`. Several statements are sent in order. If one fails, the
        server skips the rest, and `execute` raises the error.
        """
        if self.paramstyle != protocol.NUMBERED:
            operation, _ = protocol.to_numbered_params(self.paramstyle, operation)
        self._before += self._c.encode_before(operation, args)

    def execute(self, operation: str, args: Any = (), stream: Any = None) -> "PipelinedCursor":
        """Run one statement. Raise pg8000's errors, with the server's report as `args[0]`."""
        if self._c is None:
            raise InterfaceError("Cursor closed")
        oids, self._input_oids = self._input_oids, ()
        before, self._before = self._before, b""
        statement, values = operation, ()
        if self.paramstyle == protocol.NUMBERED:
            values = args
        elif len(args) > 0 or stream is not None:
            statement, names = protocol.to_numbered_params(self.paramstyle, operation)
            values = args
            if names is not None:
                values = tuple([args[name] for name in names])
        try:
            self._context = self._c.execute_unnamed(
                statement, values, oids, stream, before, self.prepare
            )
        except DatabaseError as error:
            raise _dbapi_error(error) from None
        self._row_iter = iter(self._context.rows or ())
        return self

    def fetchall(self) -> tuple[list[Any], ...]:
        """Return all rows. pg8000's own method makes two Python calls for each row."""
        if self._context is None or self._context.columns is None:
            raise ProgrammingError("no result set")
        return tuple(self._row_iter)


def _dbapi_error(error: DatabaseError) -> Exception:
    """Return the error that stock pg8000 raises. Only its SQLSTATE matters (db/sqlstate.py)."""
    report: Mapping[str, str] = error.args[0]
    classes = {"28000": InterfaceError, "23505": IntegrityError}
    error_class: type[Exception] = classes.get(report["C"], ProgrammingError)
    return error_class(report)
