"""Reports, and ad-hoc SQL if the deployment has the analysts' role."""

import pytest

from tests.e2e.deployment import Deployment, DeploymentResponse


def test_sales_have_every_day_of_the_range(api: Deployment) -> None:
    response = api("GET", "/api/analytics/sales?start_date=2026-01-01&end_date=2026-01-07")
    assert response.status == 200, response.body
    assert [day["day"] for day in response.json["data"]] == [f"2026-01-0{n}" for n in range(1, 8)]


def test_popular_products_respect_the_limit(api: Deployment) -> None:
    response = api("GET", "/api/analytics/popular-products?days=365&limit=3")
    assert response.status == 200, response.body
    assert len(response.json["data"]) <= 3


def query(api: Deployment, sql: str) -> DeploymentResponse:
    response = api("POST", "/api/analytics/query", {"query": sql, "max_rows": 10})
    if response.status == 404:
        pytest.skip("this deployment has no role for ad-hoc SQL")
    return response


def test_adhoc_sql_returns_rows_and_cost(api: Deployment) -> None:
    response = query(api, "select count(*) as n from products")
    assert response.status == 200, response.body
    assert [column["name"] for column in response.json["columns"]] == ["n"]
    assert response.json["cost"] <= response.json["max_cost"]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from products",
        "select 1; select 2",
        "select pg_sleep(5)",
        "select * from pg_authid",
        "select set_config('role', 'postgres', false)",
    ],
)
def test_hostile_sql_is_rejected(api: Deployment, sql: str) -> None:
    response = query(api, sql)
    assert 400 <= response.status < 500, response.body
    assert response.code
