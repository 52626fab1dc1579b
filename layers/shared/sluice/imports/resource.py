"""Declare how the files of one resource are imported.

An application registers an ImportResource for each name in `imports`. This module contains no
statements: imports/row_parser.py reads rows by the declaration, imports/staged_rows.py writes them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sluice.application import ApplicationError
from sluice.kinds.field import Field

MAX_NAME_LENGTH = 100  # of a reported field name
RESERVED = ("n", "line")  # columns of `import_rows`

# A statement, or a function that makes it from the columns with values, and of these the ones that
# an existing row gets as well.
Write: TypeAlias = str | Callable[[Collection[str], Collection[str]], str]


@dataclass(frozen=True, slots=True, eq=False)
class ImportResource:
    """The columns of a resource's files, and the SQL that checks and writes their rows.

    fields: column → the type that reads its values.
    required: columns that must be in the header and have a value in each row.
    exactly_one_of: alternatives. A CSV header and each row have exactly one of them.
    defaults: column → a function from a row's values to the value that is missing.
    never_null: columns of which each row has a value, if the file has the column.
    rules: the repository class whose `before_create` and `before_write` each row must pass.

    SQL reads the rows of a file from the table `import_rows`. It has a text column for each of
    `fields`, and `n`, which counts the rows. A column cannot have the name `n` or `line`.

    trusted_when: a condition on `import_rows r`. Rows that meet it are valid as they are. Others
        are read by imports/row_parser.py. `trusted(column)` of a field returns the
        condition for their texts, which cannot be NULL.
    write: the statement that writes the rows. It returns as `rows` how many rows it accepted.
        `:has_<column>` is whether the file has that column, or a rule (`before_write`) sets it.
    references: column → a query that finds the row to which the column of `import_rows r` refers.
    taken: a query that finds a row of another tenant with the import key of `import_rows r`. Empty:
        there can be none.
    """

    fields: Mapping[str, Field]
    required: Sequence[str]
    trusted_when: str
    write: Write
    exactly_one_of: Sequence[str] = ()
    defaults: Mapping[str, Callable[[Mapping[str, Any]], object]] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    never_null: Sequence[str] = ()
    rules: type[Any] | None = None
    taken: str = ""

    def statement(self, columns: Collection[str], changed: Collection[str]) -> str:
        """Return the statement that writes rows with values for `columns`.

        A row that exists already gets the values of `changed`, not the defaults of new rows.
        """
        return self.write if isinstance(self.write, str) else self.write(columns, changed)

    def __post_init__(self) -> None:
        reserved = [name for name in RESERVED if name in self.fields]
        if reserved:
            raise ApplicationError(f"a column of an import cannot have the name {reserved[0]!r}")

    def check_header(self, header: Sequence[str]) -> str | None:
        """Return why the header is invalid, or None if it is valid."""
        if any("\0" in name for name in header):
            return "the header has NUL; the file must be CSV in UTF-8"
        if len(header) == 1 and any(separator in header[0] for separator in ";\t|"):
            return "the columns must be separated by commas"
        if "" in header:
            return f"column {header.index('') + 1} of the header has no name"
        unknown = [name for name in header if name not in self.fields]
        if unknown:
            name = unknown[0][:MAX_NAME_LENGTH]
            return f"the column {name!r} is not one of {', '.join(self.fields)}"
        duplicates = [name for index, name in enumerate(header) if name in header[:index]]
        if duplicates:
            return f"the column {duplicates[0]!r} occurs twice"
        missing = [name for name in self.required if name not in header]
        if missing:
            return f"the column {missing[0]!r} is missing"
        alternatives = [name for name in self.exactly_one_of if name in header]
        if self.exactly_one_of and len(alternatives) != 1:
            return f"exactly one of the columns {', '.join(self.exactly_one_of)} is required"
        return None
