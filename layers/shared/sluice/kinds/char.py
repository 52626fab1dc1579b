"""Char: a text of type char(n) or bpchar, without the spaces that fill it."""

from typing import ClassVar, Unpack

from sluice.kinds.field import FieldOptions, Operator
from sluice.kinds.text import Text


class Char(Text):
    """A text. PostgreSQL ignores the spaces at its end. Without `max_length` its type is bpchar."""

    sql_type: str = "bpchar"  # `char` alone would be one character
    orm_type: ClassVar[str] = ""
    filter_operators: ClassVar[tuple[Operator, ...]] = ("equal", "in", "prefix", "is_null")

    def __init__(
        self, name: str, *, max_length: int | None = None, **options: Unpack[FieldOptions]
    ) -> None:
        super().__init__(name, max_length=max_length, **options)

    def parse_path(self, text: str) -> object:
        return super().parse_path(text.rstrip(" "))

    def parse_id(self, text: str) -> object:
        return super().parse_id(text.rstrip(" "))

    def starts_with(self, pattern: str) -> str:
        # The first condition is for an index. It would find the spaces at the end, too.
        return f"{{column}} LIKE {pattern} AND {{column}}::text LIKE {pattern}"

    def select(self, column: str) -> str:
        return f"{column}::text"

    def from_cursor(self, parameter: str) -> str:
        return f":{parameter}"

    def ddl(self) -> str:
        return self.sql_type if self.max_length is None else f"char({self.max_length})"
