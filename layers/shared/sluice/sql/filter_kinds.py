"""Filters by the name of a kind, for lists that no declaration has yet."""

from typing import Any

from sluice.kinds.boolean import Boolean
from sluice.kinds.field import FieldFilter
from sluice.kinds.integer import BigInt
from sluice.kinds.numeric import Numeric
from sluice.kinds.search import parse_words, words_schema
from sluice.kinds.text import Email, Slug
from sluice.kinds.timestamp import Timestamp
from sluice.sql.list_spec import Filter

_ID = BigInt("", minimum=1)
_NUMBER = Numeric("", precision=12, scale=2)
_SLUG = Slug("")
_EMAIL = Email("")
_BOOLEAN = Boolean("")
_TIME = Timestamp("")
KINDS = {
    "integer": FieldFilter("", _ID.parse, _ID.filter_schema),
    "integers": FieldFilter("", _ID.parse_list, _ID.list_schema),
    "decimal": FieldFilter("", _NUMBER.parse, _NUMBER.filter_schema),
    "slugs": FieldFilter("", _SLUG.parse_list, _SLUG.list_schema),
    "search": FieldFilter("", parse_words, words_schema),
    "email": FieldFilter("", _EMAIL.parse, _EMAIL.filter_schema),
    "boolean": FieldFilter("", _BOOLEAN.parse, _BOOLEAN.filter_schema),
    "timestamp": FieldFilter("", _TIME.parse, _TIME.filter_schema),
}


def filter_of(kind: str, condition: str, **options: Any) -> Filter:
    """Return the filter with this condition, whose value is of the kind."""
    return Filter(KINDS[kind], condition, **options)
