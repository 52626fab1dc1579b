"""The types of fields with their limits, and the schemas of request bodies, which have such fields.

Validation reports all invalid fields of a body at once.

`trusted(column)` of a field type returns the SQL condition that a text of an imported file is valid
as it is. Such a row is not read by Python. The condition may reject valid texts, but never accepts
an invalid one.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn, Protocol

from sluice.errors import FieldError, ValidationFailed

MAX_INTEGER = 2**31 - 1  # of PostgreSQL's integer
MAX_ID = 2**63 - 1  # of PostgreSQL's bigint
MAX_BODY_BYTES = 1024 * 1024  # after decompression
MAX_PRICE = Decimal("9999999999.99")
MAX_EMAIL = 254
MAX_SLUG = 200
SLUG = "[a-z0-9-]+"
AMOUNT = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
# Only a plausibility check: whether an address exists is known only after sending mail to it.
EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+")
NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
NO_NUL = r"^[^\u0000]*$"
# The characters that Python's str.strip removes, and other control characters, for a bracket
# expression of PostgreSQL.
SPACE = r"\u0001-\u0020\u007f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# The patterns that mean the same in Python and PostgreSQL: one of some characters, repeated.
REPEATED = re.compile(r"(\[[\w.-]+\])\+", re.ASCII)
MAX_REPETITION = 255  # in a regular expression of PostgreSQL


class FieldType(Protocol):
    """The type of a field in a body."""

    def read(self, value: object, pointer: str) -> object:
        """Return the value for the database. Raise ValidationFailed with `pointer`."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string without its leading and trailing white space. Lengths are in characters."""

    max_length: int
    min_length: int = 1
    nullable: bool = False
    pattern: str | None = None
    example: str = ""

    def read(self, value: object, pointer: str) -> str | None:
        if value is None and self.nullable:
            return None
        if not isinstance(value, str):
            _reject(pointer, "type", "must be a string" + (" or null" if self.nullable else ""))
        text = value.strip()
        if len(text) < self.min_length:
            _reject(pointer, "too_short", f"must have at least {self.min_length} character")
        if len(text) > self.max_length:
            _reject(
                pointer,
                "too_long",
                f"must have at most {self.max_length} characters, not {len(text)}",
            )
        if "\0" in text:
            _reject(pointer, "invalid", "must not contain NUL characters")
        if any("\ud800" <= character <= "\udfff" for character in text):
            _reject(pointer, "invalid", "must not contain unpaired surrogates")
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            _reject(pointer, "invalid", f"must match {self.pattern}")
        return text

    def trusted(self, column: str) -> str:
        if self.pattern:
            repeated = REPEATED.fullmatch(self.pattern)
            longest = min(self.max_length, MAX_REPETITION)
            if not repeated or self.min_length > longest:
                return "false"  # Python reads all texts
            return f"{column} ~ '^{repeated[1]}{{{self.min_length},{longest}}}$'"
        shortest = f"BETWEEN {self.min_length} AND" if self.min_length else "<="
        is_trimmed = f"{column} !~ '^[{SPACE}]|[{SPACE}]$'"
        return f"char_length({column}) {shortest} {self.max_length} AND {is_trimmed}"

    @property
    def json_pattern(self) -> str:
        """The pattern of the JSON Schema."""
        if self.pattern:
            return f"^{self.pattern}$"
        return NOT_BLANK if self.min_length else NO_NUL


@dataclass(frozen=True, slots=True)
class Email:
    """A plausible email address. Leading and trailing white space is removed."""

    example: str = ""
    max_length: int = MAX_EMAIL

    def read(self, value: object, pointer: str) -> str:
        text = Text(self.max_length).read(value, pointer)
        if not text or not EMAIL.fullmatch(text):
            _reject(pointer, "invalid", "must be an email address, with one @ and no spaces")
        return text

    def trusted(self, column: str) -> str:
        return f"char_length({column}) <= {self.max_length} AND {column} ~ '^[!-?A-~]+@[!-?A-~]+$'"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two bounds, which are included."""

    min_value: int
    max_value: int
    example: int = 1

    def read(self, value: object, pointer: str) -> int:
        if isinstance(value, Decimal) and _is_whole(value):  # JSON Schema counts 3.0 as an integer
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            _reject(pointer, "type", "must be a whole number")
        if not self.min_value <= value <= self.max_value:
            _reject(pointer, "out_of_range", f"must be from {self.min_value} to {self.max_value}")
        return value

    def trusted(self, column: str) -> str:
        # The limits of PostgreSQL's types are no round numbers, and values close to them are rare.
        # Texts with a digit less need no comparison, and Python reads the others.
        if self.max_value in (MAX_INTEGER, MAX_ID) and self.min_value in (0, 1):
            digits = len(str(self.max_value)) - 1
            from_1 = f"[1-9][0-9]{{0,{digits - 1}}}"
            return f"{column} ~ '^{from_1 if self.min_value else f'[0-9]{{1,{digits}}}'}$'"
        within = f"CAST({column} AS bigint) BETWEEN {self.min_value} AND {self.max_value}"
        return f"CASE WHEN {column} ~ '^-?[0-9]{{1,18}}$' THEN {within} ELSE false END"


@dataclass(frozen=True, slots=True)
class Money:
    """A number from 0 with at most two decimals, as a JSON number or string."""

    max_value: Decimal = MAX_PRICE
    example: str = ""

    def read(self, value: object, pointer: str) -> Decimal:
        if isinstance(value, str) and AMOUNT.fullmatch(value.strip()):
            value = Decimal(value.strip())
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            _reject(pointer, "type", 'must be an amount such as "19.99"')
        amount = Decimal(value)
        if not 0 <= amount <= self.max_value:
            _reject(pointer, "out_of_range", f"must be from 0 to {self.max_value}")
        if amount != round(amount, 2):
            _reject(pointer, "invalid", "must have at most two decimals")
        return round(amount, 2)

    def trusted(self, column: str) -> str:
        pattern = f"{column} ~ '^{self._pattern('[.]')}$'"
        if self.max_value >= 10**self._digits - Decimal("0.01"):
            return pattern  # each such text is in the bounds
        within = f"CAST({column} AS numeric) <= {self.max_value:f}"
        return f"CASE WHEN {pattern} THEN {within} ELSE false END"

    @property
    def json_pattern(self) -> str:
        """The pattern of a string in the JSON Schema."""
        return "^" + self._pattern(r"\.") + "$"

    @property
    def _digits(self) -> int:
        return len(str(int(self.max_value)))

    def _pattern(self, point: str) -> str:
        return f"[0-9]{{1,{self._digits}}}({point}[0-9]{{1,2}})?"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few strings."""

    choices: Collection[str]
    example: str = ""

    def read(self, value: object, pointer: str) -> str:
        if not isinstance(value, str):
            _reject(pointer, "type", "must be a string")
        if value.strip() not in self.choices:
            choices = ", ".join(self.choices)
            message = f"must be one of {choices}" if choices else "has no possible value"
            _reject(pointer, "invalid", message)
        return value.strip()


@dataclass(frozen=True, slots=True)
class Items:
    """A list of 1 to `max_items` objects.

    If `unique` names a field, no two objects may have the same value in it.
    """

    schema: "BodySchema"
    max_items: int
    unique: str = ""

    def read(self, value: object, pointer: str) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            _reject(pointer, "type", "must be a list")
        if not 1 <= len(value) <= self.max_items:
            _reject(
                pointer, "out_of_range", f"must have 1 to {self.max_items} items, not {len(value)}"
            )
        items: list[dict[str, Any]] = []
        errors: list[FieldError] = []
        seen: set[object] = set()
        for index, item in enumerate(value):
            try:
                items.append(self.schema.read(item, f"{pointer}/{index}"))
            except ValidationFailed as error:
                errors.extend(error.errors)
                continue
            if self.unique and items[-1][self.unique] in seen:
                where = f"{pointer}/{index}/{self.unique}"
                errors.append(FieldError("duplicate", "appears twice in this list", pointer=where))
            seen.add(items[-1].get(self.unique))
        if errors:
            raise ValidationFailed(errors=errors)
        return items


@dataclass(frozen=True, slots=True)
class BodySchema:
    """The fields of a JSON object that a client may send.

    fields: the fields that a client may write.
    read_only: fields that the server sets. They are accepted and ignored, so that a client can send
        back what it got from a GET.
    optional: fields that a POST may leave out.
    patch_required: fields that a PATCH must have.
    max_bytes: the largest body, after decompression.
    immutable: fields that a body may repeat with the stored value, but not change.
    unique: fields in which no two rows may have the same value. /docs puts a random part into their
        examples, so that an example can be sent more than once.
    update_example: the example of a PUT or PATCH, which matches the first row of the demo data.
    merge_patch: whether a PATCH is a JSON merge patch (RFC 7396) and not a command like `delta`.
    """

    fields: Mapping[str, FieldType]
    read_only: Collection[str] = ()
    optional: Collection[str] = ()
    patch_required: Collection[str] = ()
    max_bytes: int = MAX_BODY_BYTES
    immutable: Mapping[str, FieldType] = field(default_factory=dict)
    unique: Collection[str] = ()
    update_example: Mapping[str, Any] = field(default_factory=dict)
    merge_patch: bool = True

    def required(self, method: str) -> Collection[str]:
        """Return the names of the fields that a body of this method must have. A PUT needs all."""
        if method == "PATCH":
            return self.patch_required
        return [name for name in self.fields if method != "POST" or name not in self.optional]

    def read_body(self, document: object, method: str) -> dict[str, Any]:
        """Return the values of a parsed body. Raise ValidationFailed with all invalid fields."""
        return self._read(document, self.required(method), "")

    def read(self, value: object, pointer: str) -> dict[str, Any]:
        """Return the values of an object inside another body. All fields are required."""
        return self._read(value, self.fields, pointer)

    def _read(self, document: object, required: Collection[str], pointer: str) -> dict[str, Any]:
        if not isinstance(document, dict):
            _reject(pointer, "type", "must be an object")
        values: dict[str, Any] = {}
        errors = [
            FieldError("required", "is missing", pointer=f"{pointer}/{name}")
            for name in required
            if name not in document
        ]
        for name, value in document.items():
            field_type = self.fields.get(name) or self.immutable.get(name)
            if field_type is not None:
                try:
                    values[name] = field_type.read(value, f"{pointer}/{name}")
                except ValidationFailed as error:
                    errors.extend(error.errors)
            elif name not in self.read_only:
                where = f"{pointer}/{_token(name)}"
                errors.append(FieldError("unknown_field", "is not a known field", pointer=where))
        if errors:
            raise ValidationFailed(errors=errors)
        return values


def _reject(pointer: str, code: str, message: str) -> NoReturn:
    raise ValidationFailed(errors=[FieldError(code, message, pointer=pointer)])


def _is_whole(number: Decimal) -> bool:
    # The magnitude is checked first, because arithmetic on 1e1000000 overflows.
    return number.adjusted() < 19 and number == number.to_integral_value()


def _token(name: str) -> str:
    """Escape a field name for a JSON pointer (RFC 6901), and cut it after 100 characters."""
    printable = name[:100].encode("utf-8", "replace").decode()
    return printable.replace("~", "~0").replace("/", "~1")
