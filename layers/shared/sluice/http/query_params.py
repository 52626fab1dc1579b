"""Parse query strings.

All invalid parameters are reported at once. Nothing is guessed, and no value is cut to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar

from sluice.errors import FieldError, InvalidParameter
from sluice.kinds.boolean import Boolean
from sluice.kinds.date import parse_date
from sluice.kinds.field import Field, FieldFilter
from sluice.kinds.integer import parse_whole_number
from sluice.kinds.text import Text

if TYPE_CHECKING:
    from sluice.resource import One
    from sluice.sql.list_spec import ListQuery, ListSpec
    from sluice.sql.projection import Projection

T = TypeVar("T")
D = TypeVar("D")
Repeated: TypeAlias = Mapping[str, Sequence[str]]  # the values of parameters that were sent twice
NONE_REPEATED: Repeated = MappingProxyType({})

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_CURSOR = 10_240  # API Gateway accepts no more bytes of URL and headers, so no cursor is longer
MAX_OFFSET = 10_000
MAX_SORTS = 3
CURSOR = Text("cursor", max_length=MAX_CURSOR)
INCLUDE_TOTAL = Boolean("include_total")


class IntParam(NamedTuple):
    """A parameter that is a whole number between two bounds, with a default."""

    min_value: int
    max_value: int
    default: int


class QueryParams(Protocol):
    """The query parameters that a route accepts."""

    def read(self, query: Mapping[str, str], repeated: Repeated = NONE_REPEATED) -> Any:
        """Return the parsed parameters, or raise InvalidParameter with all invalid ones.

        In `query`, commas join the values of a parameter that is also in `repeated`.
        """
        ...


class FieldsParams(NamedTuple):
    """The parameter `fields` of a single resource, which has no other parameter."""

    projection: Projection

    def read(
        self, query: Mapping[str, str], repeated: Repeated = NONE_REPEATED
    ) -> frozenset[str] | None:
        """Return the selected fields, or None for all."""
        parser = _ParamParser(query, repeated)
        fields = parser.get_joined(
            "fields", lambda text: _fields(text, self.projection.fields), None
        )
        parser.finish()
        return fields


class RowQuery(NamedTuple):
    """What a client wants to see of a row: fields (None for all), and referenced rows."""

    fields: frozenset[str] | None
    expand: tuple[str, ...]


class RowParams(NamedTuple):
    """The parameters `fields` and `expand` of a row.

    expandable: the references that can be expanded. Without any there is no `expand`.
    """

    projection: Projection
    expandable: tuple[One, ...] = ()

    def read(self, query: Mapping[str, str], repeated: Repeated = NONE_REPEATED) -> RowQuery:
        """Return both parameters."""
        parser = _ParamParser(query, repeated)
        known = self.projection.fields
        fields = parser.get_joined("fields", lambda text: _fields(text, known), None)
        expand = parser.get_joined("expand", _paths, ()) if self.expandable else ()
        parser.finish()
        return RowQuery(fields, expand)


class ArgumentParams(NamedTuple):
    """The arguments of a function, each with its name."""

    fields: tuple[Field, ...]

    def read(self, query: Mapping[str, str], repeated: Repeated = NONE_REPEATED) -> dict[str, Any]:
        """Return the value of each argument."""
        parser = _ParamParser(query, repeated)
        values = {
            field.name: parser.require(field.name, field.parse, None)
            if field.required
            else parser.get(field.name, field.parse, field.default_value())
            for field in self.fields
        }
        parser.finish()
        return values


class ListParams(NamedTuple):
    """The parameters of a list: page, sort, fields, total, filters, and references to expand.

    In the query that it returns, `expand` has the paths, such as `owner.organisation`.
    """

    list_spec: ListSpec
    expandable: tuple[One, ...] = ()

    def read(self, query: Mapping[str, str], repeated: Repeated = NONE_REPEATED) -> ListQuery:
        """Return the query for the repository."""
        from sluice.sql.list_spec import ListQuery  # late, because /health has no lists

        parser = _ParamParser(query, repeated)
        known_fields = self.list_spec.projection.fields
        result = ListQuery(
            limit=parser.get(
                "limit", lambda text: parse_whole_number(text, 1, MAX_LIMIT), DEFAULT_LIMIT
            ),
            sort=parser.get_joined("sort", lambda text: _sort(text, self.list_spec), ()),
            fields=parser.get_joined("fields", lambda text: _fields(text, known_fields), None),
            cursor=parser.get("cursor", CURSOR.parse, None),
            offset=parser.get("offset", lambda text: parse_whole_number(text, 0, MAX_OFFSET), 0),
            include_total=parser.get("include_total", INCLUDE_TOTAL.parse, False),
            expand=parser.get_joined("expand", _paths, ()) if self.expandable else (),
            filters={
                name: parser.get_filter(name, spec.field_filter)
                for name, spec in self.list_spec.filters.items()
                if name in query
            },
        )
        if "offset" in query and "cursor" in query:
            parser.add_error("offset", "cannot be combined with cursor")
        parser.finish()
        return result


class IntParams(NamedTuple):
    """Parameters that are whole numbers."""

    params: Mapping[str, IntParam]

    def read(self, query: Mapping[str, str], repeated: Repeated = NONE_REPEATED) -> dict[str, int]:
        """Return the value of each parameter."""
        parser = _ParamParser(query, repeated)
        values = {
            name: parser.get(name, _bounded(param), param.default)
            for name, param in self.params.items()
        }
        parser.finish()
        return values


class SqlParams(NamedTuple):
    """The parameters of ad-hoc SQL: `query`, which is required, and `max_rows`."""

    max_length: int  # characters
    max_rows: IntParam
    example: str = ""

    def read(self, query: Mapping[str, str], repeated: Repeated = NONE_REPEATED) -> dict[str, Any]:
        """Return both parameters."""
        parser = _ParamParser(query, repeated)
        text = parser.require("query", Text("query", max_length=self.max_length).parse, "")
        max_rows = parser.get("max_rows", _bounded(self.max_rows), self.max_rows.default)
        parser.finish()
        return {"query": text, "max_rows": max_rows}


class DateRangeParams(NamedTuple):
    """The parameters `start_date` and `end_date`. Both are required and included in the range."""

    max_days: int

    def read(
        self, query: Mapping[str, str], repeated: Repeated = NONE_REPEATED
    ) -> tuple[date, date]:
        """Return the first and the last day."""
        parser = _ParamParser(query, repeated)
        start = parser.require("start_date", parse_date, date.min)
        end = parser.require("end_date", parse_date, date.min)
        if not parser.errors and end < start:
            parser.add_error("end_date", "must not be before the first day")
        elif not parser.errors and (end - start).days >= self.max_days:
            message = f"must be within {self.max_days} days, the first day included"
            parser.add_error("end_date", message)
        parser.finish()
        return start, end


class _ParamParser:
    """Parses parameters one by one and collects their errors."""

    def __init__(self, query: Mapping[str, str], repeated: Repeated) -> None:
        self._query = query
        self._repeated = repeated
        self._known: set[str] = set()
        self.errors: list[FieldError] = []

    def get(self, name: str, parse: Callable[[str], T], default: D) -> T | D:
        """Return the parsed parameter, or `default` if it is missing or invalid."""
        self._known.add(name)
        if name not in self._query:
            return default
        if name in self._repeated:
            self.add_error(name, "must be given once")
            return default
        return self.get_joined(name, parse, default)

    def get_filter(self, name: str, declared: FieldFilter) -> object:
        """Return the parsed value of a filter, or its values, if it takes several."""
        if not declared.many:
            return self.get(name, declared.parse, None)
        texts = self._repeated.get(name)
        return self.get_joined(name, lambda text: declared.parse_many(texts or [text]), None)

    def get_joined(self, name: str, parse: Callable[[str], T], default: D) -> T | D:
        """Like `get`, but the parameter may be repeated. Then commas join its values."""
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


def _bounded(param: IntParam) -> Callable[[str], int]:
    return lambda text: parse_whole_number(text, param.min_value, param.max_value)


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


def _paths(text: str) -> tuple[str, ...]:
    """Return the references to expand. `expand.expanded` checks them."""
    return tuple(sorted({path.strip() for path in text.split(",")}))


def _fields(text: str, known: Collection[str]) -> frozenset[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(name in known for name in names):
        raise ValueError(f"must contain only fields among {', '.join(known)}")
    return frozenset(names)
