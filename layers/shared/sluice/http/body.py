"""What a body may hold: a `BodySchema` of declared fields, read all at once, so that every fault is named."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn, Protocol

from sluice.errors import FieldError, ValidationFailed
from sluice.http.request import MAX_BODY_BYTES

MAX_INTEGER = 2**31 - 1  # PostgreSQL's integer
MAX_ID = 2**63 - 1  # and its bigint
MAX_PRICE = Decimal("9999999999.99")
MAX_EMAIL = 254
SLUG = "[a-z0-9-]+"
EMAIL = re.compile(
    r"[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+"
)  # plausible: only a letter proves more


class FieldType(Protocol):
    """A kind of value that stands at a JSON pointer: `read` gives it as the database takes it, or ValidationFailed."""

    def read(self, value: object, pointer: str) -> object: ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string, kept as sent but for leading and trailing space; lengths are in characters, after that."""

    max_length: int
    min_length: int = 1
    nullable: bool = False
    pattern: str | None = None
    example: str = ""

    def read(self, value: object, pointer: str) -> str | None:
        if value is None and self.nullable:
            return None
        if not isinstance(value, str):
            _refuse(pointer, "type", "must be a string" + (" or null" if self.nullable else ""))
        text = value.strip()
        if len(text) < self.min_length:
            _refuse(pointer, "too_short", f"must have at least {self.min_length} character")
        if len(text) > self.max_length:
            _refuse(
                pointer,
                "too_long",
                f"must have at most {self.max_length} characters, not {len(text)}",
            )
        if "\0" in text:
            _refuse(pointer, "invalid", "must not hold NUL")
        if any("\ud800" <= character <= "\udfff" for character in text):
            _refuse(pointer, "invalid", "must not hold half a surrogate pair")
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            _refuse(pointer, "invalid", f"must match {self.pattern}")
        return text


@dataclass(frozen=True, slots=True)
class Email:
    """An address that looks like one, kept as sent but for leading and trailing space."""

    example: str = ""

    def read(self, value: object, pointer: str) -> str:
        text = Text(MAX_EMAIL).read(value, pointer)
        if not text or not EMAIL.fullmatch(text):
            _refuse(pointer, "invalid", "must be an email address, with one @ and no spaces")
        return text


@dataclass(frozen=True, slots=True)
class Integer:
    min_value: int
    max_value: int
    example: int = 1

    def read(self, value: object, pointer: str) -> int:
        # 3.0 is an integer to JSON. Its size is looked at first: arithmetic on 1e1000000 overflows.
        if (
            isinstance(value, Decimal)
            and value.adjusted() < 19
            and value == value.to_integral_value()
        ):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            _refuse(pointer, "type", "must be a whole number")
        if not self.min_value <= value <= self.max_value:
            _refuse(pointer, "out_of_range", f"must be from {self.min_value} to {self.max_value}")
        return value


@dataclass(frozen=True, slots=True)
class Money:
    """A number, or a string of one, with at most two decimals."""

    max_value: Decimal = MAX_PRICE
    example: str = ""

    def read(self, value: object, pointer: str) -> Decimal:
        if isinstance(value, str) and re.fullmatch(
            r"-?\d{1,20}(\.\d{1,20})?", value.strip(), re.ASCII
        ):
            value = Decimal(value.strip())
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            _refuse(pointer, "type", 'must be an amount such as "19.99"')
        amount = Decimal(value)
        if not 0 <= amount <= self.max_value:
            _refuse(pointer, "out_of_range", f"must be from 0 to {self.max_value}")
        if amount != round(amount, 2):
            _refuse(pointer, "invalid", "must have at most two decimals")
        return round(amount, 2)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    choices: Collection[str]
    example: str = ""

    def read(self, value: object, pointer: str) -> str:
        if not isinstance(value, str):
            _refuse(pointer, "type", "must be a string")
        if value.strip() not in self.choices:
            _refuse(pointer, "invalid", f"must be one of {', '.join(self.choices)}")
        return value.strip()


@dataclass(frozen=True, slots=True)
class Items:
    """A list of objects, 1 to `most`, no two with the same value of the field `unique`, where that is named."""

    shape: "BodySchema"
    max_items: int
    unique: str = ""

    def read(self, value: object, pointer: str) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            _refuse(pointer, "type", "must be a list")
        if not 1 <= len(value) <= self.max_items:
            _refuse(
                pointer, "out_of_range", f"must have 1 to {self.max_items} items, not {len(value)}"
            )
        items: list[dict[str, Any]] = []
        errors: list[FieldError] = []
        seen: set[object] = set()
        for n, item in enumerate(value):
            try:
                items.append(self.shape.read(item, f"{pointer}/{n}"))
            except ValidationFailed as error:
                errors.extend(error.errors)
                continue
            if self.unique and items[-1][self.unique] in seen:
                errors.append(
                    FieldError(
                        "duplicate", "stands here twice", pointer=f"{pointer}/{n}/{self.unique}"
                    )
                )
            seen.add(items[-1].get(self.unique))
        if errors:
            raise ValidationFailed(errors=errors)
        return items


@dataclass(frozen=True, slots=True)
class BodySchema:
    """The fields a client may write, and those the server sets, which are ignored: what GET gave can be sent back."""

    fields: Mapping[str, FieldType]
    read_only: Collection[str] = ()
    optional: Collection[str] = ()  # in a POST
    patch_required: Collection[
        str
    ] = ()  # what a PATCH must hold; one without is a merge patch (RFC 7396)
    max_bytes: int = MAX_BODY_BYTES
    immutable: Mapping[str, FieldType] = field(
        default_factory=dict
    )  # what a body may repeat as it is stored, but not change
    unique: Collection[
        str
    ] = ()  # fields that no two rows may share: /docs makes their examples new for each visit
    update_example: Mapping[str, Any] = field(
        default_factory=dict
    )  # in the demo shop: the example of a PUT and a PATCH
    merge_patch: bool = True  # a PATCH of it is a JSON merge patch, and no command of our own

    def required(self, method: str) -> Collection[str]:
        """The fields that must be there: all of them, in a PUT."""
        if method == "PATCH":
            return self.patch_required
        return [name for name in self.fields if method != "POST" or name not in self.optional]

    def read_body(self, document: object, method: str) -> dict[str, Any]:
        """What a client sent. ValidationFailed, with every fault."""
        return self._read(document, self.required(method), "")

    def read(self, value: object, pointer: str) -> dict[str, Any]:
        """As a field of another shape: every field must be there."""
        return self._read(value, self.fields, pointer)

    def _read(self, document: object, required: Collection[str], pointer: str) -> dict[str, Any]:
        if not isinstance(document, dict):
            _refuse(pointer, "type", "must be an object")
        values: dict[str, Any] = {}
        errors = [
            FieldError("required", "is missing", pointer=f"{pointer}/{name}")
            for name in required
            if name not in document
        ]
        for name, value in document.items():
            known = self.fields.get(name) or self.immutable.get(name)
            if known is not None:
                try:
                    values[name] = known.read(value, f"{pointer}/{name}")
                except ValidationFailed as error:
                    errors.extend(error.errors)
            elif name not in self.read_only:
                errors.append(
                    FieldError(
                        "unknown_field", "is not a field here", pointer=f"{pointer}/{_token(name)}"
                    )
                )
        if errors:
            raise ValidationFailed(errors=errors)
        return values


def _refuse(pointer: str, code: str, message: str) -> NoReturn:
    raise ValidationFailed(errors=[FieldError(code, message, pointer=pointer)])


def _token(name: str) -> str:
    """A JSON pointer's token (RFC 6901), cut where a client sends a field name of kilobytes."""
    return name[:100].encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")
