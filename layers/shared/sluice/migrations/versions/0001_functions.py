"""The functions that the engine's statements, and the indexes and triggers of applications, call."""

from alembic import op

revision = "0001"
down_revision = None

# What `search` compares, on both sides: the lower-cased runs of letters and digits. Only ASCII separates words, so
# the result depends on no locale. Every character beyond ASCII is part of a word.
WORDS = """
CREATE FUNCTION sluice.words(source text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN array_remove(regexp_split_to_array(lower(source), '[\\x01-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7f]+'), '')
"""

# A trigger function. `version` counts a row's changes, also those made by hand, so that an ETag stays true.
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

# PostgreSQL lets every role execute a new function.
REVOKE = "REVOKE EXECUTE ON FUNCTION sluice.words(text), sluice.touch() FROM PUBLIC"


def upgrade() -> None:
    for statement in (WORDS, TOUCH, REVOKE):
        op.execute(statement)
