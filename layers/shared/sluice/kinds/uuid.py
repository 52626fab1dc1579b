"""Uuid: a universally unique identifier."""

import re
from typing import Any, ClassVar
from uuid import UUID

from sluice.kinds.field import Field, Operator, Schema, or_null, reject

FORM = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
UUID_TEXT = re.compile(FORM, re.ASCII)
SCATTER = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd, so that different samples stay different


class Uuid(Field):
    """A UUID. Its JSON value is the text in lower case, with hyphens."""

    sql_type: str = "uuid"
    graphql_type: str = "String"
    orm_type: ClassVar[str] = "Uuid"
    is_key: ClassVar[bool] = True
    splits_at_commas: bool = True
    filter_operators: ClassVar[tuple[Operator, ...]] = ("equal", "in", "is_null")

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string")
        try:
            return self.parse(value.strip())
        except ValueError as error:
            reject(pointer, "invalid", str(error))

    def parse(self, text: str) -> str:
        if not UUID_TEXT.fullmatch(text):
            raise ValueError("must be a UUID such as 0190163d-8694-739b-aea5-966c26f8ad91")
        return text.lower()

    def trusted(self, column: str) -> str:
        return f"{column} ~ '^{FORM}$'"

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        return or_null(self.filter_schema(), nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "string", "format": "uuid", "pattern": f"^{FORM}$"}

    def orm(self, types: Any) -> Any:
        return types.Uuid(as_uuid=False)

    def analyst_bytes(self) -> int:
        return 36

    def bounds(self) -> list[object]:
        return [str(UUID(int=0)), str(UUID(int=2**128 - 1))]

    def invalid(self) -> list[tuple[object, str]]:
        uuid = str(UUID(int=10))
        texts = ("", uuid.replace("-", ""), f"{{{uuid}}}", f"urn:uuid:{uuid}", "g" + uuid[1:])
        others: tuple[object, ...] = (5, True, [], {})
        return [*((other, "type") for other in others), *((text, "invalid") for text in texts)]

    def sample(self, n: int) -> object:
        """Return UUIDs that are not in the order of n, as those of version 4 are not."""
        return str(UUID(int=n * SCATTER % 2**128, version=4))
