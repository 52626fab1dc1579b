"""Readers, at /api/readers. An email keeps its case, and is compared without regard to it."""

from sluice.errors import ValidationFailed
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.text import Email, Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository, Values

READERS = Resource(
    name="readers",
    singular="reader",
    description="A reader, who borrows books.",
    table="public.readers",
    group="readers",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Email(
            "email",
            ignore_case=True,
            unique=True,
            filter="equal",
            sort=True,
            search=True,
            example="ada.sample@example.com",
        ),
        Text("name", min_length=1, max_length=200, sort=True, search=True, example="Ada Byron"),
        Timestamp("created_at", read_only=True, sort=True),
        Timestamp("updated_at", read_only=True),
        Integer("version", read_only=True),
    ],
    import_key=["email"],
    analytics=True,
)

# The row of a reader who left stays. Lists leave it out.
LIST_VIEW = "(SELECT * FROM readers WHERE name <> 'Former reader')"


class ReaderRepository(ResourceRepository):
    """Reads and writes readers. No address is at example.invalid."""

    resource = READERS
    list_view = LIST_VIEW

    def before_write(self, values: Values) -> None:
        if str(values.get("email", "")).lower().endswith("@example.invalid"):
            raise ValidationFailed.at("email", "invalid", "must not be at example.invalid")
