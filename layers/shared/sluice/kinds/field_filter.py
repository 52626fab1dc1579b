"""FieldFilter: a query parameter that filters a list by a field."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

Operator: TypeAlias = Literal["equal", "in", "range", "prefix", "is_null", "has", "contains"]
Schema: TypeAlias = dict[str, Any]  # a JSON Schema
MAX_VALUES = 1_000  # of one `in` filter
BOOLEANS = {"true": True, "false": False}


class FieldFilter(NamedTuple):
    """A query parameter that filters a list.

    condition: SQL, with `{column}` for the column and the value as `:<parameter>`.
    parse: returns the value to bind of the text of one value. It raises ValueError.
    schema: makes the JSON Schema of the parameter, for openapi.json.
    single_value_condition: SQL for a list of one value, which is bound without the list. It can
        keep the order of an index.
    many: whether the parameter takes several values.
    splits_at_commas: whether a comma separates them, and not only repeated parameters.
    """

    condition: str
    parse: Callable[[str], object]
    schema: Callable[[], Schema]
    single_value_condition: str = ""
    false_condition: str = ""
    many: bool = False
    splits_at_commas: bool = False

    def parse_many(self, texts: Sequence[str]) -> list[object]:
        """Return the values to bind of a parameter that was given once or repeatedly."""
        if self.splits_at_commas:
            texts = [value.strip() for text in texts for value in text.split(",")]
        if len(texts) > MAX_VALUES:
            raise ValueError(f"must have at most {MAX_VALUES} values")
        return [self.parse(text) for text in texts]


def parse_boolean(text: str) -> bool:
    """Return the value of a text. Raise ValueError if it is neither `true` nor `false`."""
    if text not in BOOLEANS:
        raise ValueError("must be true or false")
    return BOOLEANS[text]


def boolean_schema() -> Schema:
    """Return the JSON Schema of a value that is true or false."""
    return {"type": "boolean"}
