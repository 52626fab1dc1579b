"""Citext: a text that PostgreSQL compares without regard to case, of the extension citext."""

from typing import ClassVar

from sluice.kinds.field import Operator
from sluice.kinds.text import Text


class Citext(Text):
    """A text of type citext. If the extension is in another schema, `type` names it.

    Values are bound without a CAST, so that PostgreSQL takes the type of the column.
    """

    sql_type: str = "citext"
    orm_type: ClassVar[str] = ""
    filter_operators: ClassVar[tuple[Operator, ...]] = ("equal", "in", "is_null")

    def from_cursor(self, parameter: str) -> str:
        return f":{parameter}"

    def check(self, column: str) -> str:
        return super().check(f"CAST({column} AS text)")  # a pattern regards case
