"""Items: a list of objects, such as the rows of another table that belong to a row."""

from collections.abc import Sequence
from typing import Any, ClassVar, Unpack

from sluice.errors import FieldError, ValidationFailed
from sluice.kinds.field import DeclarationError, Field, FieldOptions, Operator, Schema, reject
from sluice.kinds.objects import object_schema, read_object
from sluice.resource import Resource


class Items(Field):
    """A list of 1 to `max_items` objects. The repository has the SQL that reads and writes them.

    of: the fields of an object, or the resource whose rows the objects are.
    foreign_key: the field of that resource that references this row. The objects do not have it.
    unique_by: the field in which no two objects of a list may have the same value.
    """

    sql_type: str = "json"
    graphql_type: str = "Items"
    orm_type: ClassVar[str] = "JSON"
    filter_operators: ClassVar[tuple[Operator, ...]] = ()

    def __init__(
        self,
        name: str,
        *,
        of: Resource | Sequence[Field],
        max_items: int,
        foreign_key: str = "",
        unique_by: str = "",
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(name, **options)
        if self.sort:
            raise DeclarationError(f"{self!r}: a list cannot be sorted by items: remove `sort`")
        fields = of.all_fields if isinstance(of, Resource) else tuple(of)
        self.resource = of.name if isinstance(of, Resource) else ""
        self.item_fields = [field for field in fields if field.name != foreign_key]
        self.max_items = max_items
        self.unique_by = unique_by
        self._writable = {field.name: field for field in self.item_fields if not field.read_only}
        self._required = [name for name, field in self._writable.items() if field.required]
        self._ignored = [field.name for field in self.item_fields if field.read_only]

    @property
    def in_table(self) -> bool:
        return False

    @property
    def example(self) -> object:
        return [{name: field.example for name, field in self._writable.items()}]

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, list):
            reject(pointer, "type", "must be a list")
        if not 1 <= len(value) <= self.max_items:
            message = f"must have 1 to {self.max_items} items, not {len(value)}"
            reject(pointer, "out_of_range", message)
        items: list[dict[str, Any]] = []
        errors: list[FieldError] = []
        seen: set[object] = set()
        for index, document in enumerate(value):
            try:
                item = self._read_item(document, f"{pointer}/{index}")
            except ValidationFailed as error:
                errors.extend(error.errors)
                continue
            items.append(item)
            key = item.get(self.unique_by)
            if self.unique_by and key in seen:
                where = f"{pointer}/{index}/{self.unique_by}"
                errors.append(FieldError("duplicate", "appears twice in this list", pointer=where))
            seen.add(key)
        if errors:
            raise ValidationFailed(errors=errors)
        return items

    def _read_item(self, document: object, pointer: str) -> dict[str, Any]:
        return read_object(
            document, pointer, self._writable, required=self._required, ignored=self._ignored
        )

    def body_schema(self) -> Schema:
        properties = {name: field.body_schema() for name, field in self._writable.items()}
        item = object_schema(properties, required=self._required, ignored=self._ignored)
        return {"type": "array", "items": item, "minItems": 1, "maxItems": self.max_items}

    def row_schema(self) -> Schema:
        properties = {field.name: field.row_schema() for field in self.item_fields}
        item = {"type": "object", "properties": properties, "required": list(properties)}
        return {"type": "array", "items": item}

    def row_example(self, known: object) -> object:
        items = known if isinstance(known, list) else [{}]
        return [
            {field.name: field.row_example(item.get(field.name)) for field in self.item_fields}
            for item in items
        ]

    def bounds(self) -> list[object]:
        return [self.sample(1)]

    def invalid(self) -> list[tuple[object, str]]:
        many: list[object] = [{}] * (self.max_items + 1)
        return [(5, "type"), ({}, "type"), ([], "out_of_range"), (many, "out_of_range")]

    def sample(self, n: int) -> object:
        return [{name: field.sample(n) for name, field in self._writable.items()}]
