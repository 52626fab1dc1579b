"""What an analyst's SQL may take of the server; and no function of ours is its to call."""

from alembic import op

revision = "0006"
down_revision = "0005"

# The role's defaults, as in 0001. A query of an analyst shares the server with the shop: little memory for each of its
# steps, one process, and no compiler started for an estimate. The role belongs to the whole server, and whoever made it
# for another database may be another: then it stays as it is.
SETTINGS = """
DO $$ BEGIN
    ALTER ROLE sluice_analyst SET work_mem = '8MB';
    ALTER ROLE sluice_analyst SET max_parallel_workers_per_gather = 0;
    ALTER ROLE sluice_analyst SET jit = off;
    ALTER ROLE sluice_analyst SET search_path = public;
    ALTER ROLE sluice_analyst CONNECTION LIMIT 50;
EXCEPTION WHEN insufficient_privilege OR internal_error THEN
    RAISE WARNING 'sluice_analyst keeps its settings: %', SQLERRM;
END $$
"""

# What does not fit into work_mem goes to disk. Only a superuser may bound that, or who was granted SET on it; on RDS it
# is a parameter of the instance.
TEMPORARY_FILES = """
DO $$ BEGIN
    ALTER ROLE sluice_analyst SET temp_file_limit = '256MB';
EXCEPTION WHEN insufficient_privilege OR internal_error THEN
    RAISE WARNING 'temp_file_limit stays the server''s own for sluice_analyst: %', SQLERRM;
END $$
"""

# PostgreSQL lets everybody call a new function or procedure.
ROUTINES = """
DO $$ DECLARE
    called regprocedure;
BEGIN
    FOR called IN
        SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'sluice\\_%'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', called);
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO sluice_app', called);
    END LOOP;
END $$
"""


def upgrade() -> None:
    run = op.get_bind().exec_driver_sql
    for statement in (SETTINGS, TEMPORARY_FILES, ROUTINES):
        run(statement)
