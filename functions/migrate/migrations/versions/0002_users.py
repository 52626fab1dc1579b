"""The indexes that the list of users stands on. The table is from 0001, and so is the index of its emails."""

from alembic import op

revision = "0002"
down_revision = "0001"

# Sort id has the primary key. Sort email, filter email and the uniqueness of an email in any case are all one index:
# users_email_key, on lower(email).
INDEXES = """
CREATE INDEX users_name_idx ON users (name, id);
CREATE INDEX users_created_at_idx ON users (created_at, id);
CREATE INDEX users_search_idx ON users USING gin (sluice_words(name || ' ' || email));
"""


def upgrade() -> None:
    run = op.get_bind().exec_driver_sql
    for statement in INDEXES.split(";\n"):
        if statement.strip():
            run(statement)
