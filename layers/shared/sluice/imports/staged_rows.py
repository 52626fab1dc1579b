"""The rows of an import: copied into a temporary table as text, checked, and written.

One transaction does all of this, and drops the temporary table at its end. Behind a pooler, the
session's next transaction may be that of another worker, which runs another release.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from sluice.imports.resource import ImportResource
from sluice.query import Executor, Query
from sluice.sql.identifiers import quoted
from sluice.tenants import TenantExecutor

HAS_COLUMN = re.compile(r":has_(\w+)", re.ASCII)


class ImportTransaction(Executor, Protocol):
    """A transaction that can also run COPY ... FROM STDIN."""

    def copy(self, sql: str, data: bytes) -> None: ...
    def commit(self) -> None: ...


class RowCountMismatch(Exception):
    """The server can write fewer or more rows than were read. Nothing is written."""

    def __init__(self, read: int, writable: int) -> None:
        super().__init__(f"{read} rows were read, but {writable} can be written")


class ImportRowRepository:
    """Copies, checks and writes the rows of one chunk, in its transaction."""

    def __init__(self, transaction: ImportTransaction, resource: ImportResource) -> None:
        self._copy = transaction.copy
        self._transaction = TenantExecutor(transaction)
        self._resource = resource
        # A violation at the commit would not show which of the chunk's rows has caused it.
        self._transaction.write(Query("SET CONSTRAINTS ALL IMMEDIATE"))
        columns = "".join(f", {quoted(name)} text" for name in resource.fields)
        self._transaction.write(
            Query(
                f"""
                CREATE TEMPORARY TABLE import_rows (
                    n bigint GENERATED ALWAYS AS IDENTITY, line bigint{columns}
                ) ON COMMIT DROP
                """
            )
        )

    def copy_file(self, header: Sequence[str], data: bytes, record_count: int) -> bool:
        r"""Copy the records of a CSV file as they are. Return False if a row cannot be trusted.

        Also return False if COPY has not read `record_count` rows: until PostgreSQL 17 it stops at
        a line `\.`.
        """
        columns = ", ".join(map(quoted, header))
        options = f"FORMAT csv, NULL '', FORCE_NULL ({columns}), ENCODING 'UTF8'"
        self._copy(f"COPY import_rows ({columns}) FROM STDIN WITH ({options})", data)
        resolved = [
            f"(r.{quoted(column)} IS NULL OR EXISTS ({query}))"
            for column, query in self._resource.references.items()
            if column in header
        ]
        if self._resource.taken:
            resolved.append(f"NOT EXISTS ({self._resource.taken})")
        is_trusted = " AND ".join([self._resource.trusted_when, *resolved])
        (copied,) = self._transaction.write(
            Query(
                f"""
                SELECT count(*) AS rows,
                    coalesce(bool_and(coalesce({is_trusted}, false)), true) AS trusted
                FROM import_rows r
                """
            )
        )
        return bool(copied.trusted) and int(copied.rows) == record_count

    def copy_rows(
        self, columns: Sequence[str], rows: Iterable[tuple[int, Sequence[object]]]
    ) -> None:
        """Copy rows, each with its line number."""
        lines = ["\t".join([str(line), *map(_copy_text, values)]) for line, values in rows]
        data = "".join(f"{line}\n" for line in lines).encode()
        names = ", ".join(["line", *map(quoted, columns)])
        sql = f"COPY import_rows ({names}) FROM STDIN WITH (ENCODING 'UTF8')"
        self._copy(sql, data)

    def delete_unresolved(self, columns: Sequence[str]) -> list[tuple[int, str]]:
        """Delete the rows that refer to missing rows. Return the line and the column of each."""
        deleted = []
        for column, query in self._resource.references.items():
            if column not in columns:
                continue
            rows = self._transaction.write(
                Query(
                    f"""
                    DELETE FROM import_rows r
                    WHERE r.{quoted(column)} IS NOT NULL AND NOT EXISTS ({query})
                    RETURNING line
                    """
                )
            )
            deleted += [(int(row.line), column) for row in rows]
        return deleted

    def delete_taken(self) -> list[int]:
        """Delete the rows whose import key another tenant's row has. Return the line of each."""
        if not self._resource.taken:
            return []
        sql = f"DELETE FROM import_rows r WHERE EXISTS ({self._resource.taken}) RETURNING line"
        return [int(row.line) for row in self._transaction.write(Query(sql))]

    def write(self, columns: Collection[str], changed: Collection[str], read: int) -> None:
        """Write the copied rows, which have values for `columns`.

        A row that exists already gets those of `changed`.
        Raises RowCountMismatch if the statement accepts another number of rows than `read`. One
        reason is that a row to which they refer was deleted after the check.
        """
        sql = self._resource.statement(columns, changed)
        params = {f"has_{column}": column in changed for column in HAS_COLUMN.findall(sql)}
        (written,) = self._transaction.write(Query(sql, params))
        if written.rows != read:
            raise RowCountMismatch(read, int(written.rows))


def _copy_text(value: object) -> str:
    """Return a value in the text format of COPY."""
    if value is None:
        return r"\N"
    text = str(value)
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        text = text.replace("\\", r"\\").replace("\t", r"\t")
        text = text.replace("\n", r"\n").replace("\r", r"\r")
    return text
