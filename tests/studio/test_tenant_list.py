"""The tenants that the console's form of a new API key lists."""

from collections.abc import Callable

import pytest

from local.console.tenant_list import MAX_TENANTS, TenantList, tenants_sql
from sluice import application
from sluice.settings import DatabaseSettings
from tests.fixtures.studio import OTHER_STUDIO, STUDIO
from tests.fixtures.two_tenants import Studios

MakeStudios = Callable[..., Studios]


@pytest.fixture
def both(make_studios: MakeStudios) -> Studios:
    found = make_studios(STUDIO, OTHER_STUDIO)
    found.database.fill()
    return found


def owner_of(studios: Studios) -> DatabaseSettings:
    return DatabaseSettings.from_url(studios.client.url)


def test_each_tenant_is_listed_with_its_name(both: Studios) -> None:
    both.client.sql("UPDATE studio.studios SET name = 'A studio' WHERE id = :id", id=OTHER_STUDIO)
    both.client.sql("UPDATE studio.studios SET name = 'B studio' WHERE id = :id", id=STUDIO)
    assert TenantList(owner_of(both)).tenants() == {
        "tenants": [
            {"tenant": OTHER_STUDIO, "name": "A studio"},
            {"tenant": STUDIO, "name": "B studio"},
        ],
        "more": False,
    }


def test_list_of_many_tenants_says_that_there_are_more(both: Studios) -> None:
    both.client.sql(
        "INSERT INTO studio.studios SELECT gen_random_uuid(), 'Studio ' || n "
        "FROM generate_series(1, :n) n",
        n=MAX_TENANTS,
    )
    found = TenantList(owner_of(both)).tenants()
    assert found["more"]
    assert isinstance(found["tenants"], list)
    assert len(found["tenants"]) == MAX_TENANTS


def test_tenants_without_a_table_are_those_of_all_rows(both: Studios) -> None:
    declared = [application.current().declaration(name) for name in ("labels", "rates")]
    rows = both.client.sql(tenants_sql(declared))
    assert [list(row) for row in rows] == [[STUDIO, ""], [OTHER_STUDIO, ""]]
