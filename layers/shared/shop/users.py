"""Users. An email is stored as it was sent, and compared and sorted without regard to case."""

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
    name="users",
    singular="user",
    table="users",
    alias="u",
    key="id",
    fields={
        "id": integer("u.id"),
        "email": text("u.email"),
        "name": text("u.name"),
        "created_at": timestamp("u.created_at"),
        "updated_at": timestamp("u.updated_at"),
        "version": integer("u.version"),
    },
    etag="u.version::text",
)

# Emails are compared by lower(email) of the server, as in the index users_email_key. Python and
# PostgreSQL may disagree on the lower case of a letter.
LIST_SPEC = ListSpec(
    projection=PROJECTION,
    filters={
        "email": Filter("email", "lower(u.email) = lower(CAST(:email AS text))"),
        "search": Filter(
            "search", "sluice.words(u.name || ' ' || u.email) @> sluice.search_words(:search)"
        ),
    },
    sorts={
        "id": Sort("id", "bigint", unique=True),
        "email": Sort("lower(u.email)", "text", unique=True, is_expression=True),
        "name": Sort("name", "text"),
        "created_at": Sort("created_at", "timestamptz"),
    },
)

INSERT = "u AS (INSERT INTO users (email, name) VALUES (:email, :name) RETURNING *)"

ASSIGNMENTS = {"email": "email = :email", "name": "name = :name"}


class UserRepository(ReadRepository):
    """Reads and writes users."""

    list_spec = LIST_SPEC

    def create(
        self, user: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a user. Raises Duplicate if the email is taken, in any case."""
        return conditional_write.create(self._executor, PROJECTION, INSERT, "u", user, key)

    def update(
        self, id: int, changes: Mapping[str, object], precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """Change a user. Raises NotFound, StaleVersion, and Duplicate if the email is taken."""
        return conditional_write.update(
            self._executor, PROJECTION, ASSIGNMENTS, id, changes, precondition
        )

    def delete(self, id: int, precondition: Precondition = NO_PRECONDITION) -> None:
        """Delete a user. Raises NotFound, StaleVersion, and StillReferenced by an order."""
        conditional_write.delete(self._executor, PROJECTION, id, precondition)
