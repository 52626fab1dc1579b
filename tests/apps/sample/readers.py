"""Readers. An email is stored as it was sent, and compared and sorted without regard to case."""

from collections.abc import Mapping

from sluice.sql import conditional_write
from sluice.sql.conditional_write import NO_PRECONDITION, Precondition
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.list_spec import Filter, ListSpec, Sort
from sluice.sql.projection import (
    Projection,
    Representation,
    integer,
    text,
    timestamp,
)
from sluice.sql.read_repository import ReadRepository

PROJECTION = Projection(
    name="readers",
    singular="reader",
    table="readers",
    alias="r",
    key="id",
    fields={
        "id": integer("r.id"),
        "email": text("r.email"),
        "name": text("r.name"),
        "created_at": timestamp("r.created_at"),
        "updated_at": timestamp("r.updated_at"),
        "version": integer("r.version"),
    },
    etag="r.version::text",
)

# Emails are compared by lower(email) of the server, as in the index readers_email_key. Python and
# PostgreSQL may disagree on the lower case of a letter.
LIST_SPEC = ListSpec(
    projection=PROJECTION,
    filters={
        "email": Filter("email", "lower(r.email) = lower(CAST(:email AS text))"),
        "search": Filter(
            "search", "sluice.words(r.name || ' ' || r.email) @> sluice.search_words(:search)"
        ),
    },
    sorts={
        "id": Sort("id", "bigint", unique=True),
        "email": Sort("lower(r.email)", "text", unique=True, is_expression=True),
        "name": Sort("name", "text"),
        "created_at": Sort("created_at", "timestamptz"),
    },
)

INSERT = "r AS (INSERT INTO readers (email, name) VALUES (:email, :name) RETURNING *)"

ASSIGNMENTS = {"email": "email = :email", "name": "name = :name"}


class ReaderRepository(ReadRepository):
    """Reads and writes readers."""

    list_spec = LIST_SPEC

    def create(
        self, reader: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a reader. Raises Duplicate if the email is taken, in any case."""
        return conditional_write.create(self._executor, PROJECTION, INSERT, "r", reader, key)

    def update(
        self, id: int, changes: Mapping[str, object], precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Change a reader. Raises NotFound, StaleVersion, and Duplicate if the email is taken."""
        return conditional_write.update(
            self._executor, PROJECTION, ASSIGNMENTS, id, changes, precondition
        )

    def delete(self, id: int, precondition: Precondition = NO_PRECONDITION) -> None:
        """Delete a reader. Raises NotFound and StaleVersion."""
        conditional_write.delete(self._executor, PROJECTION, id, precondition)
