"""Users. Their emails are kept as they were sent, and compared and sorted without regard to case."""

from collections.abc import Mapping

from sluice.repositories import conditional_write
from sluice.repositories.conditional_write import NO_PRECONDITION, Precondition
from sluice.repositories.idempotency import IdempotencyKey
from sluice.repositories.list_spec import Filter, ListSpec, Sort
from sluice.repositories.projection import Projection, Representation, integer, text, timestamp
from sluice.repositories.read_repository import ReadRepository

PROJECTION = Projection(
    name="users",
    singular="user",
    source="users u",
    key="u.id",
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

# Always lower(email), as in users_email_key: the server alone decides what a letter's other case is.
LIST_SPEC = ListSpec(
    projection=PROJECTION,
    filters={
        "email": Filter("email", "lower(u.email) = lower(CAST(:email AS text))"),
        "search": Filter(
            "search", "sluice.words(u.name || ' ' || u.email) @> sluice.search_words(:search)"
        ),
    },
    sorts={
        "id": Sort("u.id", "bigint", unique=True),
        "email": Sort("lower(u.email)", "text", unique=True),
        "name": Sort("u.name", "text"),
        "created_at": Sort("u.created_at", "timestamptz"),
    },
)

INSERT = "u AS (INSERT INTO users (email, name) VALUES (:email, :name) RETURNING *)"

ASSIGNMENTS = {"email": "email = :email", "name": "name = :name"}


class UserRepository(ReadRepository):
    """Every statement about users."""

    list_spec = LIST_SPEC

    def create(
        self, user: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Duplicate where the email is taken, in any case."""
        return conditional_write.create(self._statements, PROJECTION, INSERT, "u", user, key)

    def update(
        self, id: int, changes: Mapping[str, object], precondition: Precondition = NO_PRECONDITION
    ) -> Representation:
        """NotFound, StaleVersion; Duplicate where the email is taken, in any case."""
        return conditional_write.update(
            self._statements, PROJECTION, ASSIGNMENTS, id, changes, precondition
        )

    def delete(self, id: int, precondition: Precondition = NO_PRECONDITION) -> None:
        """NotFound, StaleVersion; StillReferenced where the user has orders."""
        conditional_write.delete(self._statements, PROJECTION, id, precondition)
