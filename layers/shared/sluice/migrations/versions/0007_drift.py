"""What a deployment has found: where declarations and the database differ."""

from alembic import op

revision = "0007"
down_revision = "0006"

DRIFT = """
CREATE TABLE sluice.drift (
    app text PRIMARY KEY,
    at timestamptz NOT NULL,
    digest text NOT NULL,
    differences jsonb NOT NULL
)
"""


def upgrade() -> None:
    op.execute(DRIFT)
