"""Write the report of rejected rows as CSV, whose cells a spreadsheet does not run as formulas."""

import csv
import io
import re

from sluice.imports.job_repository import ImportRunRepository

HEADER = ("line", "column", "code", "reason")
# A spreadsheet reads a cell as a formula if it begins like this, also after spaces and quotes, and
# with full-width characters. https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile(r"[\s\"'`]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def write_report(progress: ImportRunRepository, id: int) -> bytes:
    """Return the rejected rows of an import as CSV, or nothing if there are none."""
    output = io.StringIO(newline="")
    writer = csv.writer(output)
    last_line = 0
    while page := progress.rejections_after(id, last_line):
        if not last_line:
            writer.writerow(HEADER)
        writer.writerows([line, *map(escape_formula, cells)] for line, *cells in page)
        last_line = page[-1].line
    return output.getvalue().encode()


def escape_formula(cell: str | None) -> str:
    """Return the cell, with an apostrophe before it if a spreadsheet could run it as a formula."""
    if not cell:
        return ""
    return f"'{cell}" if FORMULA.match(cell) else cell
