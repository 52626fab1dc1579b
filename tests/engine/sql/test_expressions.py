"""Which columns of a table SQL by hand reads."""

import pytest

from sluice.sql.expressions import columns_in


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("b.version || '.' || s.version", ["version"]),
        ('lower(b."Unit Price") || b.Code', ['"Unit Price"', "code"]),
        ("bb.version + a.b + :b", []),
        ("'b.secret' || \"b\".x", []),
        ("b.order", ['"order"']),
        ("row_to_json(b)", ["*"]),
        ("(SELECT count(*) FROM s WHERE s.id = b . id)", ["id"]),
        ("md5(CAST(b.* AS text))", ["*"]),
    ],
)
def test_columns_in_sql_by_hand(sql: str, columns: list[str]) -> None:
    assert columns_in(sql, "b") == columns
