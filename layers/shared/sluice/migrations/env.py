"""Alembic's environment, for Sluice's migrations and for those of an application.

applications.py sets the attributes. With a connection, migrations run in the connection's
transaction. Without one, Alembic writes the SQL to the buffer.
"""

from alembic import context

attributes = context.config.attributes
options = {"version_table": attributes["version_table"], "version_table_schema": "sluice"}

if attributes.get("connection") is None:
    context.configure(
        dialect_name="postgresql",
        as_sql=True,
        output_buffer=attributes["buffer"],
        transactional_ddl=False,  # plan.py adds BEGIN and COMMIT
        **options,
    )
else:
    context.configure(connection=attributes["connection"], **options)

with context.begin_transaction():
    context.run_migrations()
