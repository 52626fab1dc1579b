"""Analysts find that the usual things work, and that every answer is PostgreSQL's own."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.adhoc_sql.conftest import AnalystsShop

LEGAL = (Path(__file__).parent / "legal.sql").read_text().strip().split("\n")


def as_answered(value: Any) -> Any:
    """What docs/api.md says of how a value is rendered, on what a driver gives."""
    if isinstance(value, list):
        return [as_answered(element) for element in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f") + ("Z" if value.tzinfo else "")
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("query", LEGAL)
def test_a_query_gives_what_it_gives_its_owner(query: str, shop: AnalystsShop) -> None:
    expected = [[as_answered(value) for value in row] for row in shop.sql(query)]
    assert shop.owner is not None
    names = [column["name"] for column in shop.owner.columns]

    response = shop.ask(query)

    assert response.status == 200, response.text
    assert response.json["rows"] == expected
    assert [column["name"] for column in response.json["columns"]] == names
    assert (response.json["row_count"], response.json["truncated"]) == (len(expected), False)


def test_there_are_rows_to_compare(shop: AnalystsShop) -> None:
    """A corpus of empty answers would prove little."""
    assert len(LEGAL) >= 70
    assert sum(1 for query in LEGAL if shop.sql(query)) >= len(LEGAL) - 3
