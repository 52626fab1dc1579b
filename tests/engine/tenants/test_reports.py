"""Repositories without a resource, such as reports, in an application with tenants."""

from typing import Any

import pytest

from sluice.query import Query
from sluice.sql.repository import Repository
from sluice.tenants import MissingTenant
from tests.engine.tenants.lodge_client import Lodge, tenant
from tests.engine.tenants.tables import ONE, TWO

COUNT = "SELECT count(*) AS n FROM lodge.guests"


class GuestReport(Repository):
    """Counts the guests of the request's house."""

    def count(self, condition: str) -> int:
        rows: Any = self._executor.read(Query(f"{COUNT} WHERE {condition}"))
        return int(rows[0].n)


class GuestReportOfAllHouses(GuestReport):
    all_tenants = True


def test_report_must_name_the_tenant(lodge: Lodge) -> None:
    report = lodge.runtime.get(GuestReport)
    with tenant(ONE), pytest.raises(MissingTenant, match="does not name :tenant_"):
        report.count("true")


@pytest.mark.parametrize("house", [ONE, TWO])
def test_report_of_a_tenant(lodge: Lodge, house: str) -> None:
    with tenant(house):
        found = lodge.runtime.get(GuestReport).count("house_id = CAST(:tenant_ AS uuid)")
    assert found == 3


def test_report_of_all_tenants_says_so(lodge: Lodge) -> None:
    with tenant(ONE):
        assert lodge.runtime.get(GuestReportOfAllHouses).count("true") == 6
