"""IAM tokens as passwords, with a real PostgreSQL that accepts them as plain passwords."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.db.passwords import TOKEN_CACHE_TIME, IamToken
from sluice.errors import DatabaseUnavailable
from sluice.query import Query
from sluice.settings import AwsSettings, DatabaseSettings

ROLE = "iam_tester"


def test_each_connection_sends_a_fresh_token(
    make_database: Callable[..., Database], settings: DatabaseSettings, admin: Any
) -> None:
    moment = [datetime(2026, 1, 31, 12, tzinfo=UTC)]
    there = settings._replace(user=ROLE, password="", auth="iam")
    token = IamToken(
        AwsSettings("eu-central-1", "AKID", "canary-key", "st"), there, now=lambda: moment[0]
    )
    database = make_database(
        user=ROLE, password="", auth="iam", options={"password_provider": token}
    )
    admin.run(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{token()}'")
    try:
        assert database.read(Query("SELECT 1 AS n"))[0].n == 1
        moment[0] += TOKEN_CACHE_TIME + timedelta(seconds=1)
        assert database.read(Query("SELECT 1 AS n"))[0].n == 1  # on the open connection
        database.dispose()
        with pytest.raises(DatabaseUnavailable):
            database.read(Query("SELECT 1"))
        admin.run(f"ALTER ROLE {ROLE} PASSWORD '{token()}'")
        assert database.read(Query("SELECT 1 AS n"))[0].n == 1
    finally:
        database.dispose()
        admin.run(f"DROP ROLE {ROLE}")
