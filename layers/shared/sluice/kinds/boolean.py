"""Boolean: true or false."""

from typing import ClassVar

from sluice.kinds.field import Field, FieldFilter, Operator, Schema, or_null, reject
from sluice.kinds.field_filter import BOOLEANS, boolean_schema, parse_boolean


class Boolean(Field):
    """True or false. A filter `?name=false` finds the rows that have false, not those with null."""

    sql_type: str = "boolean"
    graphql_type: str = "Boolean"
    orm_type: ClassVar[str] = "Boolean"
    is_key: ClassVar[bool] = True
    distinct: int | None = 2
    filter_operators: ClassVar[tuple[Operator, ...]] = ("equal", "is_null")

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, bool):
            reject(pointer, "type", "must be true or false")
        return value

    def parse(self, text: str) -> bool:
        return parse_boolean(text)

    def parse_csv(self, text: str) -> object:
        return BOOLEANS.get(text.strip(), text)

    def filters_of(self, operator: Operator) -> dict[str, FieldFilter]:
        found = super().filters_of(operator)
        if operator != "equal":
            return found
        return {
            name: declared._replace(condition="{column}", false_condition="NOT {column}")
            for name, declared in found.items()
        }

    def trusted(self, column: str) -> str:
        return f"{column} IN ('true', 'false')"

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        return or_null(boolean_schema(), nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return boolean_schema()

    def analyst_bytes(self) -> int:
        return 5

    def invalid(self) -> list[tuple[object, str]]:
        others: tuple[object, ...] = (0, "true", [], {})
        return [(other, "type") for other in others]

    def sample(self, n: int) -> object:
        return n % 2 == 1

    def bounds(self) -> list[object]:
        return [False, True]
