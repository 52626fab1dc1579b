"""Parse query strings and path ids.

All invalid parameters are reported at once. Nothing is guessed, and no value is cut to fit.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from sluice.errors import FieldError, InvalidParameter, NotFound
from sluice.fields import EMAIL, MAX_EMAIL, MAX_ID, MAX_SLUG, SLUG
from sluice.sql.list_spec import Filter, FilterKind, ListQuery, ListSpec
from sluice.sql.projection import Projection

T = TypeVar("T")
D = TypeVar("D")

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_CURSOR = 10_240  # API Gateway accepts no more bytes of URL and headers, so no cursor is longer
MAX_OFFSET = 10_000
MAX_SORTS = 3
MAX_VALUES = 1_000  # in a comma-separated filter
MAX_TEXT = 200  # characters


@dataclass(frozen=True, slots=True)
class IntParam:
    """A parameter that is a whole number between two bounds, with a default."""

    min_value: int
    max_value: int
    default: int


def parse_id(text: str, parameter: str = "id") -> int:
    """Return an id from the path.

    Raise InvalidParameter if it is not digits, and NotFound if it is larger than any id.
    """
    if not re.fullmatch(r"\d+", text, re.ASCII):
        error = FieldError("invalid", "must be a whole number", parameter=parameter)
        raise InvalidParameter(errors=[error])
    if len(text) > 19 or int(text) > MAX_ID:
        raise NotFound
    return int(text)


class QueryParams(Protocol):
    """The query parameters that a route accepts."""

    def read(self, query: Mapping[str, str]) -> Any:
        """Return the parsed parameters, or raise InvalidParameter with all invalid ones."""
        ...


@dataclass(frozen=True, slots=True)
class FieldsParams:
    """The parameter `fields` of a single resource, which has no other parameter."""

    projection: Projection

    def read(self, query: Mapping[str, str]) -> frozenset[str] | None:
        """Return the selected fields, or None for all."""
        parser = _ParamParser(query)
        fields = parser.get("fields", lambda text: _fields(text, self.projection.fields), None)
        parser.finish()
        return fields


@dataclass(frozen=True, slots=True)
class ListParams:
    """The parameters of a list: page, sort, fields, total and filters."""

    list_spec: ListSpec

    def read(self, query: Mapping[str, str]) -> ListQuery:
        """Return the query for the repository."""
        parser = _ParamParser(query)
        known_fields = self.list_spec.projection.fields
        result = ListQuery(
            limit=parser.get("limit", lambda text: _integer(text, 1, MAX_LIMIT), DEFAULT_LIMIT),
            sort=parser.get("sort", lambda text: _sort(text, self.list_spec), ()),
            fields=parser.get("fields", lambda text: _fields(text, known_fields), None),
            cursor=parser.get("cursor", _text_up_to(MAX_CURSOR), None),
            offset=parser.get("offset", lambda text: _integer(text, 0, MAX_OFFSET), 0),
            include_total=parser.get("include_total", _boolean, False),
            filters={
                name: parser.get(name, filter_parser(spec), None)
                for name, spec in self.list_spec.filters.items()
                if name in query
            },
        )
        if "offset" in query and "cursor" in query:
            parser.add_error("offset", "cannot be combined with cursor")
        parser.finish()
        return result


@dataclass(frozen=True, slots=True)
class IntParams:
    """Parameters that are whole numbers."""

    params: Mapping[str, IntParam]

    def read(self, query: Mapping[str, str]) -> dict[str, int]:
        """Return the value of each parameter."""
        parser = _ParamParser(query)
        values = {
            name: parser.get(name, _bounded(param), param.default)
            for name, param in self.params.items()
        }
        parser.finish()
        return values


@dataclass(frozen=True, slots=True)
class SqlParams:
    """The parameters of ad-hoc SQL: `query`, which is required, and `max_rows`."""

    max_length: int  # characters
    max_rows: IntParam
    example: str = ""

    def read(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return both parameters."""
        parser = _ParamParser(query)
        text = parser.require("query", _text_up_to(self.max_length), "")
        max_rows = parser.get("max_rows", _bounded(self.max_rows), self.max_rows.default)
        parser.finish()
        return {"query": text, "max_rows": max_rows}


@dataclass(frozen=True, slots=True)
class DateRangeParams:
    """The parameters `start_date` and `end_date`. Both are required and included in the range."""

    max_days: int

    def read(self, query: Mapping[str, str]) -> tuple[date, date]:
        """Return the first and the last day."""
        parser = _ParamParser(query)
        start = parser.require("start_date", _date, date.min)
        end = parser.require("end_date", _date, date.min)
        if not parser.errors and end < start:
            parser.add_error("end_date", "must not be before the first day")
        elif not parser.errors and (end - start).days >= self.max_days:
            message = f"must be within {self.max_days} days, the first day included"
            parser.add_error("end_date", message)
        parser.finish()
        return start, end


class _ParamParser:
    """Parses parameters one by one and collects their errors."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query
        self._known: set[str] = set()
        self.errors: list[FieldError] = []

    def get(self, name: str, parse: Callable[[str], T], default: D) -> T | D:
        """Return the parsed parameter, or `default` if it is missing or invalid."""
        self._known.add(name)
        if name not in self._query:
            return default
        try:
            return parse(self._query[name])
        except ValueError as error:
            self.add_error(name, str(error))
            return default

    def require(self, name: str, parse: Callable[[str], T], placeholder: T) -> T:
        """Like `get`, but a missing parameter is an error, which `finish` raises.

        Until then, `placeholder` is the value of a missing or invalid parameter.
        """
        if name not in self._query:
            self.add_error(name, "is missing", code="required")
        return self.get(name, parse, placeholder)

    def add_error(self, name: str, message: str, *, code: str = "invalid") -> None:
        self.errors.append(FieldError(code, message, parameter=name))

    def finish(self) -> None:
        """Raise InvalidParameter if a parameter was invalid or is unknown."""
        for name in self._query:
            if name not in self._known:
                printable = name[:100].encode("utf-8", "replace").decode()
                self.add_error(printable, "is not a known parameter", code="unknown_parameter")
        if self.errors:
            raise InvalidParameter(errors=self.errors)


def _integer(text: str, min_value: int, max_value: int) -> int:
    is_integer = re.fullmatch(r"-?\d{1,19}", text, re.ASCII)
    if not is_integer or not min_value <= int(text) <= max_value:
        raise ValueError(f"must be a whole number from {min_value} to {max_value}")
    return int(text)


def _bounded(param: IntParam) -> Callable[[str], int]:
    return lambda text: _integer(text, param.min_value, param.max_value)


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
            raise ValueError("must not contain NUL characters")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("must not contain unpaired surrogates")
        return text

    return read


def _words(text: str) -> str:
    """Parse a search text. It must contain a letter or a digit, so that it has a word to search."""
    text = _text_up_to(MAX_TEXT)(text)
    if all(unicodedata.category(character)[0] not in "LN" for character in text):
        raise ValueError("must contain a word")
    return text


def _email(text: str) -> str:
    text = _text_up_to(MAX_EMAIL)(text)
    if not EMAIL.fullmatch(text):
        raise ValueError("must be an email address; encode a + in it as %2B")
    return text


def _slugs(text: str) -> list[str]:
    slugs = _values(text)
    if not all(len(slug) <= MAX_SLUG and re.fullmatch(SLUG, slug) for slug in slugs):
        raise ValueError("must be slugs of a-z, 0-9 and -, separated by commas")
    return slugs


def _integers(text: str) -> list[int]:
    return [_integer(value, 1, MAX_ID) for value in _values(text)]


def _values(text: str) -> list[str]:
    values = [value.strip() for value in text.split(",")]
    if len(values) > MAX_VALUES:
        raise ValueError(f"must have at most {MAX_VALUES} values")
    return values


def _time(text: str) -> datetime:
    """Parse an RFC 3339 time with an offset, or a date, which stands for its midnight in UTC."""
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
        raise ValueError("must be between the years 1 and 9999 in UTC") from None


def _choice(choices: Collection[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not choices:
            raise ValueError("has no possible value")
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
            raise ValueError(f"must be one of {known}, each with :asc or :desc")
        if colon and direction not in ("asc", "desc"):
            raise ValueError("must have asc or desc after the colon")
    if len(terms) > MAX_SORTS or len({name for name, _, _ in terms}) < len(terms):
        raise ValueError(f"must have at most {MAX_SORTS} different keys")
    return tuple((name, direction == "desc") for name, _, direction in terms)


def _fields(text: str, known: Collection[str]) -> frozenset[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(name in known for name in names):
        raise ValueError(f"must contain only fields among {', '.join(known)}")
    return frozenset(names)


def filter_parser(spec: Filter) -> Callable[[str], object]:
    """Return the function that reads a filter's value. It raises ValueError with the reason."""
    return _choice(spec.choices) if spec.kind == "choice" else PARSERS[spec.kind]


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
