"""What a body may hold: a `Shape` of declared fields, read all at once, so that every fault is named."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn, Protocol

from sluice.errors import Fault, ValidationFailed
from sluice.http.request import MAX_BODY_BYTES

MAX_INTEGER = 2**31 - 1  # PostgreSQL's integer
MAX_ID = 2**63 - 1  # and its bigint
MAX_PRICE = Decimal("9999999999.99")
MAX_EMAIL = 254
SLUG = "[a-z0-9-]+"
EMAIL = re.compile(
    r"[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+"
)  # plausible: only a letter proves more


class Field(Protocol):
    """A kind of value that stands at a JSON pointer: `read` gives it as the database takes it, or ValidationFailed."""

    def read(self, value: object, at: str) -> object: ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string, kept as sent but for leading and trailing space; lengths are in characters, after that."""

    longest: int
    shortest: int = 1
    nullable: bool = False
    pattern: str | None = None
    example: str = ""

    def read(self, value: object, at: str) -> str | None:
        if value is None and self.nullable:
            return None
        if not isinstance(value, str):
            _refuse(at, "type", "must be a string" + (" or null" if self.nullable else ""))
        text = value.strip()
        if len(text) < self.shortest:
            _refuse(at, "too_short", f"must have at least {self.shortest} character")
        if len(text) > self.longest:
            _refuse(at, "too_long", f"must have at most {self.longest} characters, not {len(text)}")
        if "\0" in text:
            _refuse(at, "invalid", "must not hold NUL")
        if any("\ud800" <= character <= "\udfff" for character in text):
            _refuse(at, "invalid", "must not hold half a surrogate pair")
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            _refuse(at, "invalid", f"must match {self.pattern}")
        return text


@dataclass(frozen=True, slots=True)
class Email:
    """An address that looks like one, kept as sent but for leading and trailing space."""

    example: str = ""

    def read(self, value: object, at: str) -> str:
        text = Text(MAX_EMAIL).read(value, at)
        if not text or not EMAIL.fullmatch(text):
            _refuse(at, "invalid", "must be an email address, with one @ and no spaces")
        return text


@dataclass(frozen=True, slots=True)
class Integer:
    least: int
    most: int
    example: int = 1

    def read(self, value: object, at: str) -> int:
        # 3.0 is an integer to JSON. Its size is looked at first: arithmetic on 1e1000000 overflows.
        if (
            isinstance(value, Decimal)
            and value.adjusted() < 19
            and value == value.to_integral_value()
        ):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            _refuse(at, "type", "must be a whole number")
        if not self.least <= value <= self.most:
            _refuse(at, "out_of_range", f"must be from {self.least} to {self.most}")
        return value


@dataclass(frozen=True, slots=True)
class Money:
    """A number, or a string of one, with at most two decimals."""

    most: Decimal = MAX_PRICE
    example: str = ""

    def read(self, value: object, at: str) -> Decimal:
        if isinstance(value, str) and re.fullmatch(
            r"-?\d{1,20}(\.\d{1,20})?", value.strip(), re.ASCII
        ):
            value = Decimal(value.strip())
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            _refuse(at, "type", 'must be an amount such as "19.99"')
        amount = Decimal(value)
        if not 0 <= amount <= self.most:
            _refuse(at, "out_of_range", f"must be from 0 to {self.most}")
        if amount != round(amount, 2):
            _refuse(at, "invalid", "must have at most two decimals")
        return round(amount, 2)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: Collection[str]
    example: str = ""

    def read(self, value: object, at: str) -> str:
        if not isinstance(value, str):
            _refuse(at, "type", "must be a string")
        if value.strip() not in self.words:
            _refuse(at, "invalid", f"must be one of {', '.join(self.words)}")
        return value.strip()


@dataclass(frozen=True, slots=True)
class Items:
    """A list of objects, 1 to `most`, no two with the same value of the field `unique`, where that is named."""

    shape: "Shape"
    most: int
    unique: str = ""

    def read(self, value: object, at: str) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            _refuse(at, "type", "must be a list")
        if not 1 <= len(value) <= self.most:
            _refuse(at, "out_of_range", f"must have 1 to {self.most} items, not {len(value)}")
        items: list[dict[str, Any]] = []
        faults: list[Fault] = []
        seen: set[object] = set()
        for n, item in enumerate(value):
            try:
                items.append(self.shape.read(item, f"{at}/{n}"))
            except ValidationFailed as error:
                faults.extend(error.faults)
                continue
            if self.unique and items[-1][self.unique] in seen:
                faults.append(
                    Fault("duplicate", "stands here twice", pointer=f"{at}/{n}/{self.unique}")
                )
            seen.add(items[-1].get(self.unique))
        if faults:
            raise ValidationFailed(faults=faults)
        return items


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields a client may write, and those the server sets, which are ignored: what GET gave can be sent back."""

    fields: Mapping[str, Field]
    server_set: Collection[str] = ()
    optional: Collection[str] = ()  # in a POST
    patched: Collection[str] = ()  # what a PATCH must hold; one without is a merge patch (RFC 7396)
    most_bytes: int = MAX_BODY_BYTES
    fixed: Mapping[str, Field] = field(
        default_factory=dict
    )  # what a body may repeat as it is stored, but not change
    unique: Collection[
        str
    ] = ()  # fields that no two rows may share: /docs makes their examples new for each visit
    first_row: Mapping[str, Any] = field(
        default_factory=dict
    )  # in the demo shop: the example of a PUT and a PATCH
    merge_patch: bool = True  # a PATCH of it is a JSON merge patch, and no command of our own

    def required(self, method: str) -> Collection[str]:
        """The fields that must be there: all of them, in a PUT."""
        if method == "PATCH":
            return self.patched
        return [name for name in self.fields if method != "POST" or name not in self.optional]

    def read_body(self, document: object, method: str) -> dict[str, Any]:
        """What a client sent. ValidationFailed, with every fault."""
        return self._read(document, self.required(method), "")

    def read(self, value: object, at: str) -> dict[str, Any]:
        """As a field of another shape: every field must be there."""
        return self._read(value, self.fields, at)

    def _read(self, document: object, required: Collection[str], at: str) -> dict[str, Any]:
        if not isinstance(document, dict):
            _refuse(at, "type", "must be an object")
        values: dict[str, Any] = {}
        faults = [
            Fault("required", "is missing", pointer=f"{at}/{name}")
            for name in required
            if name not in document
        ]
        for name, value in document.items():
            known = self.fields.get(name) or self.fixed.get(name)
            if known is not None:
                try:
                    values[name] = known.read(value, f"{at}/{name}")
                except ValidationFailed as error:
                    faults.extend(error.faults)
            elif name not in self.server_set:
                faults.append(
                    Fault("unknown_field", "is not a field here", pointer=f"{at}/{_token(name)}")
                )
        if faults:
            raise ValidationFailed(faults=faults)
        return values


def _refuse(at: str, code: str, message: str) -> NoReturn:
    raise ValidationFailed(faults=[Fault(code, message, pointer=at)])


def _token(name: str) -> str:
    """A JSON pointer's token (RFC 6901), cut where a client sends a field name of kilobytes."""
    return name[:100].encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")
