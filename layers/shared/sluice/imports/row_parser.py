"""What a row of a file must be: each resource's columns, read by the same rules as a body of the API.

`Reading` gives what goes to the database, or why a row is rejected; nothing here knows SQL or files.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from sluice.errors import ValidationFailed
from sluice.http.body import MAX_ID, MAX_INTEGER, SLUG, Email, FieldType, Integer, Money, Text
from sluice.slugs import slugify

WHOLE = re.compile(r"[+-]?\d{1,20}", re.ASCII)


class Rejection(NamedTuple):
    """Why a row is not imported: `line` is its first, `column` the one at fault, where it is one's."""

    line: int
    column: str | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resource:
    """`fields` are its columns; `needed` must be in a file's header and have a value in each row.

    `one_of` are alternatives, of which a header has one. `complete` makes what a row leaves out.
    """

    fields: Mapping[str, FieldType]
    needed: Sequence[str]
    one_of: Sequence[str] = ()
    complete: Callable[[dict[str, Any]], None] = lambda values: None

    def check_header(self, header: Sequence[str]) -> str | None:
        """Why a file cannot have this header; None where it can."""
        if any("\0" in name for name in header):
            return "the header has NUL; the file must be CSV in UTF-8"
        if len(header) == 1 and any(separator in header[0] for separator in ";\t|"):
            return "the columns must be separated by commas"
        if "" in header:
            return f"column {header.index('') + 1} of the header has no name"
        unknown = [name for name in header if name not in self.fields]
        if unknown:
            return f"the column {unknown[0][:100]!r} is not one of {', '.join(self.fields)}"
        twice = [name for n, name in enumerate(header) if name in header[:n]]
        if twice:
            return f"the column {twice[0]!r} stands there twice"
        missing = [name for name in self.needed if name not in header]
        if missing:
            return f"the column {missing[0]!r} is missing"
        if self.one_of and len([name for name in self.one_of if name in header]) != 1:
            return f"one of the columns {', '.join(self.one_of)} must be there"
        return None


def _make_slug(values: dict[str, Any]) -> None:
    if values.get("slug") is None:
        values["slug"] = slugify(values["name"])


MALFORMED = "has a quote or a CR where none may stand, or a quote that is never closed"
_NAME = Text(200)
_STOCK = Integer(0, MAX_INTEGER)
RESOURCES: Mapping[str, Resource] = {
    "products": Resource(
        {
            "name": _NAME,
            "description": Text(10_000, min_length=0, nullable=True),
            "price": Money(),
            "category": Text(200, pattern=SLUG),
            "inventory": _STOCK,
        },
        needed=("name", "price", "category"),
    ),
    "inventory": Resource(
        {"product": _NAME, "product_id": Integer(1, MAX_ID), "quantity": _STOCK},
        needed=("quantity",),
        one_of=("product", "product_id"),
    ),
    "categories": Resource(
        {"name": _NAME, "slug": Text(200, pattern=SLUG)}, needed=("name",), complete=_make_slug
    ),
    "users": Resource({"email": Email(), "name": _NAME}, needed=("email", "name")),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rows of one file are read: those of a CSV by its `header`."""

    resource: Resource
    header: Sequence[str]

    def fields(self, line: int, fields: Sequence[str] | None) -> list[Any] | Rejection:
        """A record's values in the header's order, None for those that are empty."""
        if fields is None:
            return Rejection(line, None, "malformed", MALFORMED)
        if len(fields) != len(self.header):
            return Rejection(
                line,
                None,
                "wrong_columns",
                f"has {len(fields)} field{'s' * (len(fields) > 1)}, not {len(self.header)}",
            )
        document: dict[str, Any] = {}
        for name, text in zip(self.header, fields, strict=True):
            if text:
                document[name] = (
                    _number(text) if isinstance(self.resource.fields[name], Integer) else text
                )
        return self._read(line, document)

    def text(self, line: int, text: str) -> list[Any] | Rejection:
        """A line of JSON: an object with the columns as its fields."""
        try:
            document = json.loads(
                text,
                parse_float=Decimal,
                parse_constant=_refuse_constant,
                object_pairs_hook=_without_repetition,
            )
        except DuplicateField as error:
            return Rejection(line, printable(error.name), "duplicate_field", "is there twice")
        except RecursionError:
            return Rejection(line, None, "malformed", "is nested too deeply")
        except (ValueError, ArithmeticError):
            return Rejection(
                line, None, "malformed", "is not JSON, or has a number of too many digits"
            )
        if not isinstance(document, dict):
            return Rejection(line, None, "malformed", "is not a JSON object")
        unknown = next((name for name in document if name not in self.header), None)
        if unknown is not None:
            return Rejection(line, printable(unknown), "unknown_field", "is not a field here")
        return self._read(
            line, {name: value for name, value in document.items() if value is not None}
        )

    def _read(self, line: int, document: Mapping[str, Any]) -> list[Any] | Rejection:
        values: dict[str, Any] = dict.fromkeys(self.header)
        try:
            for name, value in document.items():
                if isinstance(value, str) and not value.isprintable() and _not_utf8(value):
                    return Rejection(line, name, "invalid_utf8", "is not UTF-8")
                values[name] = self.resource.fields[name].read(value, name)
            missing = [name for name in self.resource.needed if values[name] is None]
            if missing:
                return Rejection(line, missing[0], "required", "is missing")
            ambiguous = self._check_alternatives(line, values)
            if ambiguous is not None:
                return ambiguous
            self.resource.complete(values)
        except ValidationFailed as error:
            fault = error.errors[0]
            return Rejection(line, (fault.pointer or "").strip("/"), fault.code, fault.message)
        return [values.get(name) for name in self.columns()]

    def columns(self) -> list[str]:
        """What values are of: the header's columns, and those that `complete` makes."""
        made = [
            name for name in ("slug",) if name in self.resource.fields and name not in self.header
        ]
        return [*self.header, *made]

    def _check_alternatives(self, line: int, values: Mapping[str, Any]) -> Rejection | None:
        """Return why a row is rejected that does not have exactly one of `one_of`."""
        known = [name for name in self.resource.one_of if name in self.header]
        there = [name for name in known if values[name] is not None]
        if len(there) == 1 or not known:
            return None
        if not there:
            return Rejection(line, known[0], "required", f"{' or '.join(known)} is missing")
        return Rejection(
            line, there[1], "invalid", f"is there beside {there[0]}; leave out one of them"
        )


class DuplicateField(ValueError):
    """A JSON object has a field twice, and parsers disagree which one counts."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def printable(name: str) -> str:
    """Return a field's name as it can be stored and shown: at most 100 characters, without control characters.

    A semicolon is replaced as well, because in some countries spreadsheets split cells there.
    """
    return "".join(
        letter if letter.isprintable() and letter != ";" else "?" for letter in name[:100]
    )


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise DuplicateField(twice)
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _number(text: str) -> int | str:
    return int(text) if WHOLE.fullmatch(text.strip()) else text


def _not_utf8(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)
