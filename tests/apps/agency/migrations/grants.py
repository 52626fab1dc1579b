"""The privileges of the application's role on what is not a table of the agency's resources."""

from sluice.migrations.grants import Grant
from sluice.migrations.roles import APP

GRANTS = (
    Grant(APP, "USAGE", "SCHEMA", "agency"),
    Grant(APP, "SELECT", "TABLE", "sluice.agency_version"),
)
