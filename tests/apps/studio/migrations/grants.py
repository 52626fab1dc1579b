"""The privileges of the application's role on what is not a table of the studios' resources."""

from sluice.migrations.grants import Grant
from sluice.migrations.roles import APP

GRANTS = (
    Grant(APP, "USAGE", "SCHEMA", "studio"),
    Grant(APP, "SELECT", "TABLE", "sluice.studio_version"),
)
