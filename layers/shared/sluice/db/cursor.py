"""pg8000's cursor, over a connection that runs a statement in one flush."""

from collections.abc import Mapping, Sequence
from typing import Any

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.legacy import Cursor, IntegrityError, ProgrammingError

from sluice.db import protocol


class PipelinedCursor(Cursor):  # type: ignore[misc]
    """A cursor whose `execute` is one round trip; `stream` (COPY) goes pg8000's own way."""

    _input_oids: Sequence[int]
    _preceding = b""
    prepare = False  # may the server keep the statement and its plan, for the next who executes it?

    def prepend(self, operation: str, args: Sequence[Any] = ()) -> None:
        """Send this statement, which gives no rows, ahead of the next one: in its flush, and in its transaction.

        Nothing happens until then; of several, the first goes first. Where one fails, the server skips the rest, and
        `execute` raises the failure.
        """
        statement, _ = protocol.to_numbered_params(self.paramstyle, operation)
        self._preceding += self._c.encode_preceding(statement, args)

    def execute(self, operation: str, args: Any = (), stream: Any = None) -> "PipelinedCursor":
        """Run one statement. Raises pg8000's DB-API errors; the server's report is their first argument."""
        if self._c is None:
            raise InterfaceError("Cursor closed")
        oids, self._input_oids = self._input_oids, ()
        preceding, self._preceding = self._preceding, b""
        statement, values = operation, ()
        if len(args) > 0 or stream is not None:
            statement, names = protocol.to_numbered_params(self.paramstyle, operation)
            values = args if names is None else tuple([args[name] for name in names])
        try:
            self._context = self._c.execute_unnamed(
                statement, values, oids, stream, preceding, self.prepare
            )
        except DatabaseError as error:
            raise _dbapi_error(error) from None
        self._row_iter = iter(self._context.rows or ())
        return self

    def fetchall(self) -> tuple[list[Any], ...]:
        if self._context is None or self._context.columns is None:
            raise ProgrammingError("no result set")
        return tuple(self._row_iter)  # stock asks for each row through two Python calls


def _dbapi_error(error: DatabaseError) -> Exception:
    """The class stock pg8000 would raise; only the SQLSTATE inside means anything (see db/sqlstate.py)."""
    report: Mapping[str, str] = error.args[0]
    kinds = {"28000": InterfaceError, "23505": IntegrityError}
    kind: type[Exception] = kinds.get(report["C"], ProgrammingError)
    return kind(report)
