"""Legal queries return what PostgreSQL returns for the same query."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.adhoc_sql import AnalystClient

LEGAL = (Path(__file__).parent / "legal.sql").read_text().strip().split("\n")


def rendered(value: Any) -> Any:
    """Return a value of the driver in the format that docs/api.md specifies."""
    if isinstance(value, list):
        return [rendered(element) for element in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f") + ("Z" if value.tzinfo else "")
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("query", LEGAL)
def test_query_returns_the_same_as_for_the_owner(query: str, analyst: AnalystClient) -> None:
    expected = [[rendered(value) for value in row] for row in analyst.sql(query)]
    assert analyst.owner is not None
    names = [column["name"] for column in analyst.owner.columns]

    response = analyst.query(query)

    assert response.status == 200, response.text
    assert response.json["rows"] == expected
    assert [column["name"] for column in response.json["columns"]] == names
    assert (response.json["row_count"], response.json["truncated"]) == (len(expected), False)


def test_most_legal_queries_return_rows(analyst: AnalystClient) -> None:
    """Comparing empty results would prove little."""
    assert len(LEGAL) >= 70
    assert sum(1 for query in LEGAL if analyst.sql(query)) >= len(LEGAL) - 3
