"""Choice: one of a few texts."""

from collections.abc import Sequence
from typing import Any, ClassVar, Unpack

from sluice.kinds.field import Field, FieldOptions, Operator, Schema, or_null, reject


class Choice(Field):
    """One of a few texts. GraphQL has an enum with their upper case.

    `type` is the enum of the column, if it has one. Lists are then sorted by its order.
    Without choices, no value is valid: an application may have no resource to import.
    """

    sql_type: str = "text"
    graphql_type: str = "String"
    orm_type: ClassVar[str] = "Text"
    is_text: ClassVar[bool] = True
    is_key: ClassVar[bool] = True
    filter_operators: ClassVar[tuple[Operator, ...]] = ("equal", "in", "is_null")

    def __init__(self, name: str, choices: Sequence[str], **options: Unpack[FieldOptions]) -> None:
        super().__init__(name, **options)
        self.choices = tuple(choices)
        self.distinct = len(self.choices)
        # Texts between commas lose their blanks.
        self.splits_at_commas = not any("," in text or text.strip() != text for text in choices)

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string")
        for text in (value, value.strip()):
            if text in self.choices:
                return text
        return reject(pointer, "invalid", self._wanted)

    def parse(self, text: str) -> object:
        if text not in self.choices:
            raise ValueError(self._wanted)
        return text

    def bind(self, parameter: str) -> str:
        return f":{parameter}"

    def bind_list(self, parameter: str) -> str:
        return f":{parameter}"

    def from_cursor(self, parameter: str) -> str:
        return f":{parameter}"  # its type is the column's, which may be an enum

    def trusted(self, column: str) -> str:
        # In a statement, `:` begins a parameter and `%` a placeholder.
        return "false" if set(":%") & set("".join(self.choices)) else self.check(column)

    def check(self, column: str) -> str:
        if not self.choices:
            return "false"
        literals = ", ".join("'" + choice.replace("'", "''") + "'" for choice in self.choices)
        return f"{column} IN ({literals})"

    def body_schema(self) -> Schema:
        schema = self.filter_schema()
        if self.nullable and self.choices:
            schema["enum"] = [*self.choices, None]
        return or_null(schema, nullable=self.nullable)

    def row_schema(self) -> Schema:
        return or_null({"type": "string"}, nullable=self.nullable)

    def filter_schema(self) -> Schema:
        """Return the schema of one of the texts. An enum must not be empty."""
        return {
            "type": "string",
            **({"enum": [*self.choices]} if self.choices else {"maxLength": 0}),
        }

    def orm(self, types: Any) -> Any:
        return super().orm(types) if self.sql_type == "text" else None

    def analyst_bytes(self) -> int:
        return max((len(choice.encode()) for choice in self.choices), default=0)

    def bounds(self) -> list[object]:
        return [*self.choices]

    def invalid(self) -> list[tuple[object, str]]:
        others = {"", "-".join([*self.choices, "more"])} - {*self.choices}
        return [(5, "type"), (True, "type"), ({}, "type"), *((text, "invalid") for text in others)]

    def sample(self, n: int) -> object:
        return self.choices[(n - 1) % len(self.choices)] if self.choices else ""

    @property
    def _wanted(self) -> str:
        """What a value must be, for an error."""
        return (
            f"must be one of {', '.join(map(_shown, self.choices))}"
            if self.choices
            else "has no possible value"
        )


def _shown(choice: str) -> str:
    """Return a choice for a message: in quotes if it is empty, or has blanks at its ends."""
    return choice if choice and choice.strip() == choice else f'"{choice}"'
