"""The parameter `search`. It is no field: it finds words in the fields that are searched."""

import unicodedata

from sluice.kinds.field import FieldFilter, Schema
from sluice.kinds.text import MAX_FILTER, Text

WORDS = r"^[^\u0000]*[0-9A-Za-z\u0080-\uffff][^\u0000]*$"
TEXT = Text("search")


def search_filter(condition: str) -> FieldFilter:
    """Return the filter `?search=`, whose words are bound as `:search` in `condition`."""
    return FieldFilter(condition, parse_words, words_schema)


def parse_words(text: str) -> object:
    """Return the text. Raise ValueError if it has neither a letter nor a digit, so no word."""
    TEXT.parse(text)
    if all(unicodedata.category(character)[0] not in "LN" for character in text):
        raise ValueError("must contain a word")
    return text


def words_schema() -> Schema:
    """Return the JSON Schema of the parameter."""
    return {"type": "string", "maxLength": MAX_FILTER, "pattern": WORDS}
