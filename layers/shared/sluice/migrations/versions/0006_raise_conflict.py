"""The function that undoes a call of a function which returned no row."""

from alembic import op

revision = "0006"
down_revision = "0005"

# The statement of a call runs it (sql/calls.py). It is VOLATILE, so that the planner does not.
RAISE_CONFLICT = """
CREATE FUNCTION sluice.raise_conflict() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE 'the function returned no row' USING ERRCODE = 'PT409';
END $$
"""
REVOKE = "REVOKE EXECUTE ON FUNCTION sluice.raise_conflict() FROM PUBLIC"


def upgrade() -> None:
    op.execute(RAISE_CONFLICT)
    op.execute(REVOKE)
