"""The databases of ad-hoc SQL, where no query can run."""

import pytest

from sluice.adhoc_sql.databases import AdhocSqlDatabases
from sluice.errors import NotFound
from sluice.settings import Settings

ENVIRONMENT = {
    "SLUICE_DB_HOST": "h",
    "SLUICE_DB_NAME": "n",
    "SLUICE_DB_USER": "u",
    "SLUICE_DB_PASSWORD": "p",
    "SLUICE_CURSOR_KEY": "sixteen characters",
    "SLUICE_API_KEYS_TABLE": "k",
    "SLUICE_RATE_LIMIT_TABLE": "r",
    "SLUICE_ANALYST_SECRET_ARN": "arn:x",
}


def test_query_is_not_found_without_a_catalogue() -> None:
    databases = AdhocSqlDatabases(Settings.from_env(ENVIRONMENT), None, catalogue=None)

    with pytest.raises(NotFound, match="the application names no tables"):
        databases.run("select 1", 10)
