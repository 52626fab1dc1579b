"""Parse the rows of an import by the rules of the API's request bodies.

`RowParser` returns the values for the database, or the reason why a row is rejected. This module
contains no SQL and reads no files.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, NoReturn, Protocol, TypeAlias

from sluice.errors import ValidationFailed
from sluice.imports.resource import MAX_NAME_LENGTH, ImportResource

MALFORMED = "has a misplaced quote or CR, or a quote that is never closed"


class Rejection(NamedTuple):
    """Why a row is rejected. `line` is its first line. `column` is None for the whole row."""

    line: int
    column: str | None
    code: str
    reason: str


class ParsedRow(NamedTuple):
    """The values of a row. `changed` has those columns that `before_write` has added."""

    values: dict[str, Any]
    changed: Collection[str]


Parsed: TypeAlias = ParsedRow | Rejection


class RowRules(Protocol):
    """A repository with the rules of its resource."""

    def before_create(self, values: dict[str, Any]) -> None: ...
    def before_write(self, values: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class RowParser:
    """Parse the rows of one file. The fields of a CSV row are in the order of `header`."""

    resource: ImportResource
    header: Sequence[str]
    rules: RowRules | None = None

    def parse_fields(self, line: int, fields: Sequence[str] | None) -> Parsed:
        """Return the values of a CSV record. An empty field has none."""
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

    def parse_json(self, line: int, text: str) -> Parsed:
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
        present = (name for name, value in document.items() if value is not None)
        names = dict.fromkeys((*present, *self._null_is_value.intersection(document)))
        return self._parse(line, {name: document[name] for name in names})

    def columns(self, rows: Iterable[ParsedRow] = ()) -> list[str]:
        """Return the columns of the file, and those of which `rows` have values besides."""
        found = set(self.resource.defaults)
        if self.resource.rules is not None:
            found.update(name for row in rows for name in row.values)
        others = [name for name in self.resource.fields if name in found]
        return list(dict.fromkeys([*self.header, *others]))

    def changed(self, rows: Iterable[ParsedRow] = ()) -> set[str]:
        """Return the columns whose values an existing row gets too."""
        by_rules = rows if self.resource.rules is not None else ()
        return {*self.header, *(name for row in by_rules for name in row.changed)}

    @cached_property
    def _null_is_value(self) -> frozenset[str]:
        """The columns that are NOT NULL and store the null of JSON."""
        fields = self.resource.fields
        return frozenset(
            name for name in self.header if fields[name].accepts_null and not fields[name].nullable
        )

    @cached_property
    def _may_be_null(self) -> list[str]:
        return [name for name in self.header if self.resource.fields[name].nullable]

    @cached_property
    def _never_null(self) -> list[str]:
        return [name for name in self.resource.never_null if name in self.header]

    @cached_property
    def _converted(self) -> list[str]:
        return [name for name, field in self.resource.fields.items() if field.needs_text]

    def _parse(self, line: int, document: Mapping[str, Any]) -> Parsed:
        values: dict[str, Any] = {}
        try:
            for name, value in document.items():
                if isinstance(value, str) and not value.isprintable() and _has_surrogates(value):
                    return Rejection(line, name, "invalid_utf8", "is not UTF-8")
                values[name] = self.resource.fields[name].read(value, name)
            rejection = _missing(line, values, self.resource.required)
            if rejection is None and self.resource.exactly_one_of:
                rejection = self._check_alternatives(line, values)
            if rejection is not None:
                return rejection
            changed = self._complete(values)
        except ValidationFailed as error:
            field_error = error.errors[0]
            column = (field_error.pointer or "").strip("/")
            return Rejection(line, column, field_error.code, field_error.message)
        return _missing(line, values, self._never_null) or ParsedRow(self._to_sql(values), changed)

    def _to_sql(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values as COPY writes them."""
        for name in self._converted:
            if values.get(name) is not None:
                values[name] = self.resource.fields[name].to_sql(values[name])
        return values

    def _complete(self, values: dict[str, Any]) -> Collection[str]:
        """Apply the rules, then the defaults. Return the columns that `before_write` has added."""
        for name in self._may_be_null:
            values.setdefault(name, None)
        changed: Collection[str] = ()
        if self.rules is not None:
            self.rules.before_create(values)
            known = set(values)
            self.rules.before_write(values)
            changed = values.keys() - known
        for name, default in self.resource.defaults.items():
            if values.get(name) is None:
                values[name] = default(values)
        return changed

    def _check_alternatives(self, line: int, values: Mapping[str, Any]) -> Rejection | None:
        """Return the rejection of a row without exactly one of `exactly_one_of`."""
        columns = [name for name in self.resource.exactly_one_of if name in self.header]
        present = [name for name in columns if name in values]
        if len(present) == 1 or not columns:
            return None
        if not present:
            return Rejection(line, columns[0], "required", f"{' or '.join(columns)} is missing")
        reason = f"cannot be combined with {present[0]}; leave out one of them"
        return Rejection(line, present[1], "invalid", reason)


def _missing(line: int, values: Mapping[str, Any], required: Iterable[str]) -> Rejection | None:
    """Return the rejection of a row that has no value of a required column."""
    for name in required:
        if values.get(name) is None:
            return Rejection(line, name, "required", "is missing")
    return None


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
