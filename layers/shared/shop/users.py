"""Users. An email is stored as it was sent, and compared and sorted without regard to case."""

from sluice.sql.filter_kinds import filter_of
from sluice.sql.list_spec import ListSpec, Sort
from sluice.sql.projection import Projection, integer, text, timestamp
from sluice.sql.write_repository import WriteRepository

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
        "email": filter_of("email", "lower(u.email) = lower(CAST(:email AS text))"),
        "search": filter_of(
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

INSERTS = {"u": "INSERT INTO users (email, name) VALUES (:email, :name) RETURNING *"}

ASSIGNMENTS = {"email": "email = :email", "name": "name = :name"}


class UserRepository(WriteRepository):
    """Reads and writes users."""

    list_spec = LIST_SPEC
    inserts = INSERTS
    assignments = ASSIGNMENTS
