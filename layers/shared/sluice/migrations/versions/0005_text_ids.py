"""The keys of responses as texts, because a key may be a uuid or have several columns."""

from alembic import op

revision = "0005"
down_revision = "0004"

# Functions of the release before go on: they insert a whole number, which becomes a text, and print
# the text. The table holds the responses of a day. Requests with a key wait while it is rewritten.
CHANGE = """
ALTER TABLE sluice.idempotency_keys
ALTER COLUMN resource_id TYPE text USING resource_id::text
"""


def upgrade() -> None:
    op.execute(CHANGE)
