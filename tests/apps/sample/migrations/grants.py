"""The privileges of the two roles on the library's tables."""

from sluice.migrations.grants import Grant
from sluice.migrations.roles import ANALYST, APP

TABLES = ("shelves", "books", "readers")

GRANTS = (
    Grant(APP, "USAGE", "SCHEMA", "public"),
    Grant(ANALYST, "USAGE", "SCHEMA", "public"),
    *(Grant(APP, "SELECT, INSERT, UPDATE, DELETE", "TABLE", f"public.{name}") for name in TABLES),
    *(Grant(ANALYST, "SELECT", "TABLE", f"public.{name}") for name in TABLES),
    Grant(APP, "SELECT", "TABLE", "sluice.sample_version"),
)
