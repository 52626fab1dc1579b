"""Parse the rows of an import by the rules of the API's request bodies.

`RowParser` returns the values for the database, or the reason why a row is rejected. This module
contains no SQL and reads no files.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from sluice.errors import ValidationFailed
from sluice.imports.resource import MAX_NAME_LENGTH, ImportResource

MALFORMED = "has a misplaced quote or CR, or a quote that is never closed"


class Rejection(NamedTuple):
    """Why a row is rejected. `line` is its first line. `column` is None for the whole row."""

    line: int
    column: str | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class RowParser:
    """Parse the rows of one file. The fields of a CSV row are in the order of `header`."""

    resource: ImportResource
    header: Sequence[str]

    def parse_fields(self, line: int, fields: Sequence[str] | None) -> list[Any] | Rejection:
        """Return the values of a CSV record, in the order of `columns`. An empty field is None."""
        if fields is None:
            return Rejection(line, None, "malformed", MALFORMED)
        if len(fields) != len(self.header):
            plural = "s" if len(fields) > 1 else ""
            reason = f"has {len(fields)} field{plural}, not {len(self.header)}"
            return Rejection(line, None, "wrong_columns", reason)
        document: dict[str, Any] = {}
        for name, text in zip(self.header, fields, strict=True):
            if text:
                document[name] = self.resource.fields[name].parse_csv(text)
        return self._parse(line, document)

    def parse_json(self, line: int, text: str) -> list[Any] | Rejection:
        """Return the values of a line of JSON, an object with the columns as members."""
        try:
            document = json.loads(
                text,
                parse_float=Decimal,
                parse_constant=_reject_constant,
                object_pairs_hook=_object_without_duplicates,
            )
        except DuplicateField as error:
            return Rejection(line, printable(error.name), "duplicate_field", "occurs twice")
        except RecursionError:
            return Rejection(line, None, "malformed", "is nested too deeply")
        except (ValueError, ArithmeticError):
            reason = "is not JSON, or has a number with too many digits"
            return Rejection(line, None, "malformed", reason)
        if not isinstance(document, dict):
            return Rejection(line, None, "malformed", "is not a JSON object")
        unknown = next((name for name in document if name not in self.header), None)
        if unknown is not None:
            return Rejection(line, printable(unknown), "unknown_field", "is not a known field")
        present = {name: value for name, value in document.items() if value is not None}
        return self._parse(line, present)

    def columns(self) -> list[str]:
        """Return the names of the values: the header's columns, and those with defaults."""
        return [*self.header, *(name for name in self.resource.defaults if name not in self.header)]

    def _parse(self, line: int, document: Mapping[str, Any]) -> list[Any] | Rejection:
        values: dict[str, Any] = dict.fromkeys(self.header)
        try:
            for name, value in document.items():
                if isinstance(value, str) and not value.isprintable() and _has_surrogates(value):
                    return Rejection(line, name, "invalid_utf8", "is not UTF-8")
                values[name] = self.resource.fields[name].read(value, name)
            missing = [name for name in self.resource.required if values[name] is None]
            if missing:
                return Rejection(line, missing[0], "required", "is missing")
            rejection = self._check_alternatives(line, values)
            if rejection is not None:
                return rejection
            for name, default in self.resource.defaults.items():
                if values.get(name) is None:
                    values[name] = default(values)
        except ValidationFailed as error:
            field_error = error.errors[0]
            column = (field_error.pointer or "").strip("/")
            return Rejection(line, column, field_error.code, field_error.message)
        return [values.get(name) for name in self.columns()]

    def _check_alternatives(self, line: int, values: Mapping[str, Any]) -> Rejection | None:
        """Return the rejection of a row without exactly one of `exactly_one_of`."""
        columns = [name for name in self.resource.exactly_one_of if name in self.header]
        present = [name for name in columns if values[name] is not None]
        if len(present) == 1 or not columns:
            return None
        if not present:
            return Rejection(line, columns[0], "required", f"{' or '.join(columns)} is missing")
        reason = f"cannot be combined with {present[0]}; leave out one of them"
        return Rejection(line, present[1], "invalid", reason)


class DuplicateField(ValueError):
    """A JSON object has a member twice. Parsers differ in which of the two they return."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def printable(name: str) -> str:
    """Return a field name that can be stored and shown, of at most MAX_NAME_LENGTH characters.

    Control characters are replaced. So are semicolons, because in some countries spreadsheets
    split cells there.
    """
    return "".join(
        character if character.isprintable() and character != ";" else "?"
        for character in name[:MAX_NAME_LENGTH]
    )


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        duplicate, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise DuplicateField(duplicate)
    return document


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _has_surrogates(text: str) -> bool:
    """Return whether the text was decoded from bytes that are not UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in text)
