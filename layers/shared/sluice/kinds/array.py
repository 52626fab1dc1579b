"""Array: a list of values of another kind."""

from collections.abc import Iterator
from typing import Any, ClassVar, Unpack

from sluice.errors import FieldError, ValidationFailed
from sluice.kinds.field import Field, FieldFilter, FieldOptions, Operator, Schema, or_null, reject
from sluice.kinds.objects import json_of, parse_json

MAX_ITEMS = 1_000


class Array(Field):
    """A list of `min_items` to `max_items` values. A column of more dimensions is read as one list.

    of: the kind of the items. If it is nullable, an item may be null.
    """

    filter_operators: ClassVar[tuple[Operator, ...]] = ("equal", "has", "is_null")

    def __init__(
        self,
        name: str,
        *,
        of: Field,
        min_items: int = 0,
        max_items: int = MAX_ITEMS,
        **options: Unpack[FieldOptions],
    ) -> None:
        self.of = of
        self.sql_type = f"{of.sql_type}[]"
        mark = "" if of.nullable else "!"
        self.graphql_type = f"[{of.graphql_type}{mark}]"
        self.min_items = min_items
        self.max_items = max_items
        super().__init__(name, **options)

    def _contradictions(self) -> Iterator[str]:
        yield from super()._contradictions()
        if self.sort:
            yield "lists cannot be sorted by an array: remove `sort`"
        if isinstance(self.of, Array):
            yield "an array has one dimension: `of` cannot be an Array"
        if not 0 <= self.min_items <= self.max_items:
            yield "`min_items` must be from 0 to `max_items`"

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, list):
            reject(pointer, "type", "must be a list")
        if not self.min_items <= len(value) <= self.max_items:
            message = f"must have {self.min_items} to {self.max_items} items, not {len(value)}"
            reject(pointer, "out_of_range", message)
        items: list[object] = []
        errors: list[FieldError] = []
        for index, item in enumerate(value):
            try:
                items.append(self.of.read(item, f"{pointer}/{index}"))
            except ValidationFailed as error:
                errors.extend(error.errors)
        if errors:
            raise ValidationFailed(errors=errors)
        return items

    def parse(self, text: str) -> object:
        return parse_json(self, text)

    def parse_csv(self, text: str) -> object:
        return json_of(text)

    def filters_of(self, operator: Operator) -> dict[str, FieldFilter]:
        if operator != "has":
            return super().filters_of(operator)
        name = f"{self.filter_name}_has"
        condition = f"{{column}} @> {self.bind(name)}"
        return {name: FieldFilter(condition, self._parse_has, self.of.filter_schema)}

    def _parse_has(self, text: str) -> object:
        return self.to_sql([self.of.parse(text)])

    def to_sql(self, value: Any) -> object:
        items = ("NULL" if item is None else quote(self.of.to_sql(item)) for item in value)
        return f"{{{','.join(items)}}}"

    def bind(self, parameter: str) -> str:
        """Return the SQL of a bound list. As with a text, its type is then that of the column."""
        is_untyped = self.of.bind(parameter) == f":{parameter}"
        derived = self.sql_type == f"{self.of.sql_type}[]"
        return f":{parameter}" if is_untyped and derived else super().bind(parameter)

    def select(self, column: str) -> str:
        item = self.of.select("item_.item")
        if item == "item_.item":
            return column
        items = f"SELECT json_agg({item} ORDER BY item_.n)"
        rows = f"unnest({column}) WITH ORDINALITY item_ (item, n)"
        return f"CASE WHEN {column} IS NOT NULL THEN coalesce(({items} FROM {rows}), '[]') END"

    def ddl(self) -> str:
        return f"{self.of.ddl()}[]"

    def check(self, column: str) -> str:
        return f"cardinality({column}) BETWEEN {self.min_items} AND {self.max_items}"

    @property
    def graphql_input_type(self) -> str:
        mark = "" if self.of.nullable else "!"
        return f"[{self.of.graphql_input_type}{mark}]"

    def body_schema(self) -> Schema:
        schema: Schema = {"type": "array", "items": self.of.body_schema()}
        schema |= {"minItems": self.min_items, "maxItems": self.max_items}
        return or_null(schema, nullable=self.nullable)

    def row_schema(self) -> Schema:
        schema = {"type": "array", "items": self.of.row_schema()}
        return or_null(schema, nullable=self.nullable)

    def row_example(self, known: object) -> object:
        items = self.example if known is None else known
        return list(map(self.of.row_example, items)) if isinstance(items, list) else items

    def filter_schema(self) -> Schema:
        return {"type": "string", "contentMediaType": "application/json"}

    def bounds(self) -> list[object]:
        null = [None] if self.of.nullable else []
        items = [*self.of.bounds(), *null]
        size = max(1, self.max_items)
        lists = [items[at : at + size] for at in range(0, len(items), size)]
        shortest = [self.of.sample(n) for n in range(1, self.min_items + 1)]
        longest = [self.of.sample(1)] * self.max_items
        return [*(each for each in lists if len(each) >= self.min_items), shortest, longest]

    def invalid(self) -> list[tuple[object, str]]:
        many: object = [self.of.sample(1)] * (self.max_items + 1)
        few: list[tuple[object, str]] = [([], "out_of_range")] if self.min_items else []
        return [(5, "type"), ("a", "type"), ({}, "type"), (many, "out_of_range"), *few]

    def sample(self, n: int) -> object:
        return [self.of.sample(n + at) for at in range(max(1, self.min_items))]


def quote(value: object) -> str:
    """Return a value in quotes, as PostgreSQL reads an item of an array or a bound of a range."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
