"""The report about rejected rows: CSV that a spreadsheet can open without running what a stranger has written."""

import csv
import io
import re

from sluice.repositories.import_jobs import ImportRunRepository

HEADER = ("line", "column", "code", "reason")
# Spreadsheets take a cell for a formula if it begins so, also behind spaces and quotes, and in full-width letters.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile(r"[\s\"'`]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def report(progress: ImportRunRepository, id: int) -> bytes:
    """Return the rejected rows as CSV; nothing if there are none."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    after = 0
    while page := progress.rejections_after(id, after):
        if not after:
            writer.writerow(HEADER)
        writer.writerows([line, *map(harmless, cells)] for line, *cells in page)
        after = page[-1].line
    return written.getvalue().encode()


def harmless(cell: str | None) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    if not cell:
        return ""
    return f"'{cell}" if FORMULA.match(cell) else cell
