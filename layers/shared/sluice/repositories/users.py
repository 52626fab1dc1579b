"""Users. Their emails are kept as they were sent, and compared and sorted without regard to case."""

from collections.abc import Mapping

from sluice.repositories import conditional_write
from sluice.repositories.conditional_write import ALWAYS, Precondition
from sluice.repositories.idempotency import IdempotencyKey
from sluice.repositories.list_spec import Filter, Listing, Sort
from sluice.repositories.projection import Record, View, integer, text, time
from sluice.repositories.read_repository import Listed

VIEW = View(
    name="users",
    noun="user",
    source="users u",
    key="u.id",
    fields={
        "id": integer("u.id"),
        "email": text("u.email"),
        "name": text("u.name"),
        "created_at": time("u.created_at"),
        "updated_at": time("u.updated_at"),
        "version": integer("u.version"),
    },
    etag="u.version::text",
)

# Always lower(email), as in users_email_key: the server alone decides what a letter's other case is.
LISTING = Listing(
    view=VIEW,
    filters={
        "email": Filter("email", "lower(u.email) = lower(CAST(:email AS text))"),
        "search": Filter(
            "words", "sluice.words(u.name || ' ' || u.email) @> sluice.search_words(:search)"
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


class UserRepository(Listed):
    """Every statement about users."""

    listing = LISTING

    def create(self, user: Mapping[str, object], key: IdempotencyKey | None = None) -> Record:
        """Duplicate where the email is taken, in any case."""
        return conditional_write.create(self._statements, VIEW, INSERT, "u", user, key)

    def update(
        self, id: int, changes: Mapping[str, object], precondition: Precondition = ALWAYS
    ) -> Record:
        """NotFound, StaleVersion; Duplicate where the email is taken, in any case."""
        return conditional_write.update(
            self._statements, VIEW, ASSIGNMENTS, id, changes, precondition
        )

    def delete(self, id: int, precondition: Precondition = ALWAYS) -> None:
        """NotFound, StaleVersion; StillReferenced where the user has orders."""
        conditional_write.delete(self._statements, VIEW, id, precondition)
