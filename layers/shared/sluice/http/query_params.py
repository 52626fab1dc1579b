"""Query strings and path ids, read by what a list declares. Every fault is named; nothing is guessed or cut."""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from sluice.errors import FieldError, InvalidParameter, NotFound
from sluice.http.body import EMAIL, MAX_EMAIL, MAX_ID
from sluice.repositories.list_spec import Filter, FilterKind, ListQuery, ListSpec
from sluice.repositories.projection import Projection

T = TypeVar("T")
D = TypeVar("D")

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_CURSOR = 10_240  # characters: API Gateway takes no longer request line, so any cursor that arrives is read
MAX_OFFSET = 10_000
MAX_SORTS = 3
MAX_VALUES = 1_000  # in a comma-separated filter
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class IntParam:
    """A whole number that a parameter may be, and what it is where nobody says."""

    min_value: int
    max_value: int
    default: int


def parse_id(text: str, parameter: str = "id") -> int:
    """The id in a path: InvalidParameter unless digits; NotFound beyond what an id can be."""
    if not re.fullmatch(r"\d+", text, re.ASCII):
        raise InvalidParameter(
            errors=[FieldError("invalid", "must be a whole number", parameter=parameter)]
        )
    if len(text) > 19 or int(text) > MAX_ID:
        raise NotFound
    return int(text)


class QueryParams(Protocol):
    """What a route may be asked: `read` takes the query string apart, or raises InvalidParameter with every fault."""

    def read(self, query: Mapping[str, str]) -> Any: ...


@dataclass(frozen=True, slots=True)
class FieldsParams:
    """`fields` of a single resource, which takes no other parameter: the names, or None for all."""

    projection: Projection

    def read(self, query: Mapping[str, str]) -> frozenset[str] | None:
        reader = _Reader(query)
        fields = reader.take("fields", lambda text: _fields(text, self.projection.fields), None)
        reader.finish()
        return fields


@dataclass(frozen=True, slots=True)
class ListParams:
    """Everything a list takes."""

    list_spec: ListSpec

    def read(self, query: Mapping[str, str]) -> ListQuery:
        reader, list_spec = _Reader(query), self.list_spec
        result = ListQuery(
            limit=reader.take("limit", lambda text: _integer(text, 1, MAX_LIMIT), DEFAULT_LIMIT),
            sort=reader.take("sort", lambda text: _sort(text, list_spec), ()),
            fields=reader.take(
                "fields", lambda text: _fields(text, list_spec.projection.fields), None
            ),
            cursor=reader.take("cursor", _text_up_to(MAX_CURSOR), None),
            offset=reader.take("offset", lambda text: _integer(text, 0, MAX_OFFSET), 0),
            include_total=reader.take("include_total", _boolean, False),
            filters={
                name: reader.take(name, _reader(declared), None)
                for name, declared in list_spec.filters.items()
                if name in query
            },
        )
        if "offset" in query and "cursor" in query:
            reader.fault("offset", "cannot be combined with cursor")
        reader.finish()
        return result


@dataclass(frozen=True, slots=True)
class IntParams:
    """Whole numbers, and no other parameters."""

    numbers: Mapping[str, IntParam]

    def read(self, query: Mapping[str, str]) -> dict[str, int]:
        reader = _Reader(query)
        found = {
            name: reader.take(name, _number(number), number.default)
            for name, number in self.numbers.items()
        }
        reader.finish()
        return found


@dataclass(frozen=True, slots=True)
class SqlParams:
    """`query`, an analyst's statement, which is required, and how many rows it may give: `max_rows`."""

    max_length: int  # characters
    max_rows: IntParam
    example: str = ""

    def read(self, query: Mapping[str, str]) -> dict[str, Any]:
        reader = _Reader(query)
        text = reader.require("query", _text_up_to(self.max_length), "")
        rows = reader.take("max_rows", _number(self.max_rows), self.max_rows.default)
        reader.finish()
        return {"query": text, "max_rows": rows}


@dataclass(frozen=True, slots=True)
class DateRangeParams:
    """`start_date` and `end_date`, its last day: both required, in order, at most `most_days` with both counted."""

    max_days: int

    def read(self, query: Mapping[str, str]) -> tuple[date, date]:
        reader = _Reader(query)
        start, end = (
            reader.require("start_date", _date, date.min),
            reader.require("end_date", _date, date.min),
        )
        if not reader.errors and end < start:
            reader.fault("end_date", "must not be before the first day")
        elif not reader.errors and (end - start).days >= self.max_days:
            reader.fault("end_date", f"must be within {self.max_days} days, the first day counted")
        reader.finish()
        return start, end


class _Reader:
    """Takes parameters one by one and gathers what is wrong with each."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query
        self._taken: set[str] = set()
        self.errors: list[FieldError] = []

    def take(self, name: str, read: Callable[[str], T], default: D) -> T | D:
        self._taken.add(name)
        if name not in self._query:
            return default
        try:
            return read(self._query[name])
        except ValueError as problem:
            self.fault(name, str(problem))
            return default

    def require(self, name: str, read: Callable[[str], T], stand_in: T) -> T:
        """As `take`, but a parameter that is missing is a fault; `stand_in` is what there is until `finish`."""
        if name not in self._query:
            self.fault(name, "is missing", code="required")
        return self.take(name, read, stand_in)

    def fault(self, name: str, message: str, *, code: str = "invalid") -> None:
        self.errors.append(FieldError(code, message, parameter=name))

    def finish(self) -> None:
        for name in self._query:
            if name not in self._taken:
                shown = name[:100].encode("utf-8", "replace").decode()
                self.errors.append(
                    FieldError("unknown_parameter", "is not a parameter here", parameter=shown)
                )
        if self.errors:
            raise InvalidParameter(errors=self.errors)


def _integer(text: str, min_value: int, max_value: int) -> int:
    if not re.fullmatch(r"-?\d{1,19}", text, re.ASCII) or not min_value <= int(text) <= max_value:
        raise ValueError(f"must be a whole number from {min_value} to {max_value}")
    return int(text)


def _number(number: IntParam) -> Callable[[str], int]:
    return lambda text: _integer(text, number.min_value, number.max_value)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _money(text: str) -> Decimal:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,10})?", text, re.ASCII):
        raise ValueError("must be an amount such as 19.99")
    return Decimal(text)


def _text_up_to(max_length: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.strip():
            raise ValueError("must not be empty")
        if len(text) > max_length:
            raise ValueError(f"must have at most {max_length} characters")
        if "\0" in text:
            raise ValueError("must be text without NUL")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("must be text without half a surrogate pair")
        return text

    return read


def _words(text: str) -> str:
    """Text with a letter or a digit: `sluice.search_words` finds a word in it."""
    text = _text_up_to(MAX_TEXT)(text)
    if all(unicodedata.category(character)[0] not in "LN" for character in text):
        raise ValueError("must hold a word")
    return text


def _email(text: str) -> str:
    text = _text_up_to(MAX_EMAIL)(text)
    if not EMAIL.fullmatch(text):
        raise ValueError("must be an email address; a + in it is sent as %2B")
    return text


def _slugs(text: str) -> list[str]:
    slugs = _values(text)
    if not all(re.fullmatch(r"[a-z0-9-]{1,200}", slug) for slug in slugs):
        raise ValueError("must be slugs of a-z, 0-9 and -, separated by commas")
    return slugs


def _integers(text: str) -> list[int]:
    return [_integer(value, 1, MAX_ID) for value in _values(text)]


def _values(text: str) -> list[str]:
    values = [value.strip() for value in text.split(",")]
    if len(values) > MAX_VALUES:
        raise ValueError(f"must be at most {MAX_VALUES} values")
    return values


def _time(text: str) -> datetime:
    """RFC 3339 with an offset, or a date, which is its midnight in UTC."""
    # A `+` that was not percent-encoded arrives as a space.
    candidate = re.sub(r" (?=\d\d:?\d\d$)", "+", text.strip()).upper()
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", candidate, re.ASCII):
            return datetime.fromisoformat(candidate).replace(tzinfo=UTC)
        moment = datetime.fromisoformat(candidate)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or "T" not in candidate.replace(" ", "T"):
        raise ValueError("must be a time such as 2026-01-31T12:00:00Z, or a date")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time of the years 1 to 9999 in UTC") from None


def _choice(choices: Collection[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return read


def _date(text: str) -> date:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise ValueError("must be a date such as 2026-01-31")


def _sort(text: str, list_spec: ListSpec) -> tuple[tuple[str, bool], ...]:
    terms = [term.strip().partition(":") for term in text.split(",")]
    known = ", ".join(list_spec.sorts)
    for name, colon, direction in terms:
        if name not in list_spec.sorts:
            raise ValueError(f"must name one of {known}, each with :asc or :desc")
        if colon and direction not in ("asc", "desc"):
            raise ValueError("must have asc or desc after the colon")
    if len(terms) > MAX_SORTS or len({name for name, _, _ in terms}) < len(terms):
        raise ValueError(f"must be at most {MAX_SORTS} different keys")
    return tuple((name, direction == "desc") for name, _, direction in terms)


def _fields(text: str, known: Collection[str]) -> frozenset[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(name in known for name in names):
        raise ValueError(f"must name fields among {', '.join(known)}")
    return frozenset(names)


def _reader(declared: Filter) -> Callable[[str], object]:
    return _choice(declared.choices) if declared.choices else PARSERS[declared.kind]


PARSERS: Mapping[FilterKind, Callable[[str], object]] = {
    "integer": lambda text: _integer(text, -MAX_ID, MAX_ID),
    "integers": _integers,
    "decimal": _money,
    "slugs": _slugs,
    "search": _words,
    "email": _email,
    "boolean": _boolean,
    "timestamp": _time,
}
