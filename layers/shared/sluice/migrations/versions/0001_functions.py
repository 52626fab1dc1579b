"""SQL functions for Sluice's statements, and for the indexes and triggers of applications."""

from alembic import op

from sluice.migrations import text_search

revision = "0001"
down_revision = None

# A trigger function. `version` counts the changes of a row, including those made by hand, so that
# an ETag is always correct.
TOUCH = """
CREATE FUNCTION sluice.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.version := OLD.version + 1;
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END $$
"""

# By default PostgreSQL lets every role execute a new function.
REVOKE = f"""
REVOKE EXECUTE ON FUNCTION
    {", ".join(text_search.SIGNATURES)},
    sluice.touch()
FROM PUBLIC
"""


def upgrade() -> None:
    for statement in (*text_search.statements(), TOUCH, REVOKE):
        op.execute(statement)
