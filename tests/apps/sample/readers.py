"""Readers. An email is stored as it was sent, and compared and sorted without regard to case."""

from sluice.sql.filter_kinds import filter_of
from sluice.sql.list_spec import ListSpec, Sort
from sluice.sql.projection import (
    Projection,
    integer,
    text,
    timestamp,
)
from sluice.sql.write_repository import WriteRepository

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
        "email": filter_of("email", "lower(r.email) = lower(CAST(:email AS text))"),
        "search": filter_of(
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

INSERTS = {"r": "INSERT INTO readers (email, name) VALUES (:email, :name) RETURNING *"}

ASSIGNMENTS = {"email": "email = :email", "name": "name = :name"}


class ReaderRepository(WriteRepository):
    """Reads and writes readers."""

    list_spec = LIST_SPEC
    inserts = INSERTS
    assignments = ASSIGNMENTS
