"""Parse the rows of an import by the rules of the API's request bodies.

`RowParser` returns the values for the database, or the reason why a row is rejected. This module
contains no SQL and reads no files.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from sluice.errors import ValidationFailed
from sluice.fields import MAX_ID, MAX_INTEGER, SLUG, Email, FieldType, Integer, Money, Text
from sluice.slugs import slugify

WHOLE_NUMBER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
MAX_NAME_LENGTH = 100  # of a reported field name


class Rejection(NamedTuple):
    """Why a row is rejected. `line` is its first line. `column` is None for the whole row."""

    line: int
    column: str | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportResource:
    """The columns of a resource that can be imported.

    `required` columns must be in the header and have a value in each row. `exactly_one_of` are
    alternatives: a CSV header and each row have exactly one of them. `fill_defaults` sets missing
    values.
    """

    fields: Mapping[str, FieldType]
    required: Sequence[str]
    exactly_one_of: Sequence[str] = ()
    fill_defaults: Callable[[dict[str, Any]], None] = lambda values: None

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


def _fill_slug(values: dict[str, Any]) -> None:
    if values.get("slug") is None:
        values["slug"] = slugify(values["name"])


MALFORMED = "has a misplaced quote or CR, or a quote that is never closed"
_NAME = Text(max_length=200)
_STOCK = Integer(min_value=0, max_value=MAX_INTEGER)
RESOURCES: Mapping[str, ImportResource] = {
    "products": ImportResource(
        {
            "name": _NAME,
            "description": Text(max_length=10_000, min_length=0, nullable=True),
            "price": Money(),
            "category": Text(max_length=200, pattern=SLUG),
            "inventory": _STOCK,
        },
        required=("name", "price", "category"),
    ),
    "inventory": ImportResource(
        {
            "product": _NAME,
            "product_id": Integer(min_value=1, max_value=MAX_ID),
            "quantity": _STOCK,
        },
        required=("quantity",),
        exactly_one_of=("product", "product_id"),
    ),
    "categories": ImportResource(
        {"name": _NAME, "slug": Text(max_length=200, pattern=SLUG)},
        required=("name",),
        fill_defaults=_fill_slug,
    ),
    "users": ImportResource({"email": Email(), "name": _NAME}, required=("email", "name")),
}


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
                is_integer = isinstance(self.resource.fields[name], Integer)
                document[name] = _parse_number(text) if is_integer else text
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
        defaults = [
            name for name in ("slug",) if name in self.resource.fields and name not in self.header
        ]
        return [*self.header, *defaults]

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
            self.resource.fill_defaults(values)
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


def _parse_number(text: str) -> int | str:
    return int(text) if WHOLE_NUMBER.fullmatch(text.strip()) else text


def _has_surrogates(text: str) -> bool:
    """Return whether the text was decoded from bytes that are not UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in text)
