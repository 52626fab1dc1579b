"""The spelling of tenants, and the statements that name them."""

import pytest

from sluice import tenants
from sluice.errors import NoTenant
from tests.engine.tenants.lodge_client import tenant
from tests.engine.tenants.tables import ONE

UPPER = "ABCDEF00-0000-4000-8000-00000000000A"


@pytest.mark.parametrize(
    ("sql_type", "text", "canonical"),
    [
        ("", UPPER, UPPER.lower()),
        ("uuid", UPPER, UPPER.lower()),
        ("integer", "7", "7"),
        ("bigint", "-9223372036854775808", "-9223372036854775808"),
        ("smallint", "0", "0"),
        ("text", "Acme & Sons", "Acme & Sons"),
        ("citext", "Acme", "acme"),
    ],
)
def test_tenant_has_one_spelling(sql_type: str, text: str, canonical: str) -> None:
    assert tenants.canonical(text, sql_type) == canonical


@pytest.mark.parametrize(
    ("sql_type", "text"),
    [
        ("uuid", "7"),
        ("uuid", f"{{{UPPER}}}"),
        ("integer", "007"),
        ("integer", "-0"),
        ("integer", "+7"),
        ("integer", "2147483648"),
        ("integer", " 7"),
        ("integer", "7.0"),
        ("integer", "٧"),
        ("bigint", "9223372036854775808"),
        ("smallint", "-32769"),
        ("text", ""),
        ("text", "a\0"),
    ],
)
def test_spelling_of_no_tenant(sql_type: str, text: str) -> None:
    with pytest.raises(ValueError, match="no tenant of type"):
        tenants.canonical(text, sql_type)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("a = :tenant_", True),
        ("a = CAST(:tenant_ AS uuid)", True),
        ("a = :tenant_id", False),
        ("a::tenant_", False),
        ("tenant_", False),
    ],
)
def test_statement_that_names_the_tenant(sql: str, named: bool) -> None:
    assert tenants.names_tenant(sql) is named


def test_request_without_a_tenant() -> None:
    with tenant(""), pytest.raises(NoTenant):
        tenants.require()
    with tenant(ONE):
        assert tenants.require() == ONE
