"""The privileges of the two roles on what is not a table of the library's resources."""

from sluice.migrations.grants import Grant
from sluice.migrations.roles import ANALYST, APP

GRANTS = (
    Grant(APP, "USAGE", "SCHEMA", "public"),
    Grant(ANALYST, "USAGE", "SCHEMA", "public"),
    Grant(APP, "SELECT", "TABLE", "sluice.sample_version"),
)
