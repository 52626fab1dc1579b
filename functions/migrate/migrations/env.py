"""How Alembic runs here: on the connection it is handed, everything in one transaction, one runner at a time."""

from alembic import context

connection = context.config.attributes["connection"]

context.configure(connection=connection)
with context.begin_transaction():
    # A second runner waits here until the first has committed, then finds nothing left to do. The lock is the
    # transaction's, not the session's, so that it also works behind a transaction pooler.
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('sluice.migrate'))")
    context.run_migrations()
