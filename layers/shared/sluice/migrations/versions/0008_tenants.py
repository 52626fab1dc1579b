"""A function that refuses a reference which is not the tenant's, and the tenants of imports."""

from alembic import op

revision = "0008"
down_revision = "0007"

# The statement of a write calls it (sql/tenant_sql.py). It is VOLATILE, because the planner
# evaluates other functions. The argument names the fields of the reference, separated by commas.
RAISE_UNKNOWN = """
CREATE FUNCTION sluice.raise_unknown(fields text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE USING MESSAGE = fields, ERRCODE = 'SLREF';
END $$
"""
REVOKE = "REVOKE EXECUTE ON FUNCTION sluice.raise_unknown(text) FROM PUBLIC"
JOBS = "ALTER TABLE sluice.import_jobs ADD COLUMN tenant text NOT NULL DEFAULT ''"
JOBS_INDEX = "CREATE INDEX import_jobs_tenant_idx ON sluice.import_jobs (tenant, id)"


def upgrade() -> None:
    op.execute(RAISE_UNKNOWN)
    op.execute(REVOKE)
    op.execute(JOBS)
    op.execute(JOBS_INDEX)
