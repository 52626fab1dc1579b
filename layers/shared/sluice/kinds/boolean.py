"""Boolean: true or false."""

from typing import ClassVar

from sluice.kinds.field import Field, FieldFilter, Operator, Schema, or_null, reject


class Boolean(Field):
    """True or false. A filter `?name=false` finds the rows that have false, not those with null."""

    sql_type: ClassVar[str] = "boolean"
    graphql_type: ClassVar[str] = "Boolean"
    orm_type: ClassVar[str] = "Boolean"
    distinct: int | None = 2
    filter_operators: ClassVar[tuple[Operator, ...]] = ("equal",)

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, bool):
            reject(pointer, "type", "must be true or false")
        return value

    def parse(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"

    def parse_csv(self, text: str) -> object:
        return {"true": True, "false": False}.get(text.strip(), text)

    def filters(self) -> dict[str, FieldFilter]:
        return {
            name: declared._replace(condition="{column}", false_condition="NOT {column}")
            for name, declared in super().filters().items()
        }

    def trusted(self, column: str) -> str:
        return f"{column} IN ('true', 'false')"

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        return or_null({"type": "boolean"}, nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "boolean"}

    def analyst_bytes(self) -> int:
        return 5

    def invalid(self) -> list[tuple[object, str]]:
        others: tuple[object, ...] = (0, "true", [], {})
        return [(other, "type") for other in others]

    def sample(self, n: int) -> object:
        return n % 2 == 1
