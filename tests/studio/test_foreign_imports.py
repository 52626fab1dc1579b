"""Imports of a studio whose rows name those of another studio, with each of the two locks alone."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from sluice import runtime
from tests.fixtures.rewritten_sql import rewrite_statements, without_all
from tests.fixtures.studio import OTHER_STUDIO, STUDIO
from tests.fixtures.tenant_imports import TenantImport
from tests.fixtures.two_tenants import Studios

ONE, TWO = {"x_api_key": "one"}, {"x_api_key": "two"}
UNKNOWN_ORDER, UNKNOWN_USER = 987_654, "00000000-0000-4000-8000-000000000000"
TAKEN = "2,,duplicate,is already used"
REFUSED = "2,,invalid,A value is not acceptable here"


@pytest.fixture(params=["statements", "policies", "both"])
def locks(request: pytest.FixtureRequest) -> str:
    """Return which locks there are."""
    return str(request.param)


@pytest.fixture
def studios(locks: str, make_studios: Callable[..., Studios]) -> Studios:
    """Return the database of two studios, with these locks."""
    both = make_studios(STUDIO, OTHER_STUDIO, policies=locks != "statements")
    if locks == "policies":
        rewrite_statements(both.built, without_all)
    both.database.fill()
    runtime.set_current(both.built)
    return both


def foreign(studios: Studios, name: str) -> dict[str, Any]:
    """Return the first row of the other studio."""
    rows: list[dict[str, Any]] = studios.client.get(f"/api/{name}?limit=1", **TWO).json["data"]
    return rows[0]


def load(
    studios: Studios, resource: str, data: str, *, is_redriven: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Import a file of the first studio. Return its job, and the lines of its report."""
    file = TenantImport(resource, "csv", data, is_redriven)
    steps = file.steps(studios.client, studios.s3, ONE)
    job = next(each for each in reversed(steps) if not isinstance(each, str)).json
    assert job["status"] == "completed", job
    report = steps[-1].splitlines()[1:] if isinstance(steps[-1], str) else []
    return job, report


def rows_of_other(studios: Studios) -> Mapping[str, str]:
    return studios.database.rows_of(OTHER_STUDIO)


@pytest.mark.parametrize("is_redriven", [False, True], ids=["first attempt", "redriven"])
def test_import_does_not_change_a_foreign_row(
    studios: Studios, locks: str, *, is_redriven: bool
) -> None:
    """A code is unique over all studios, and is declared so. Its row is rejected.

    Without the condition in the statements, the policy refuses it.
    """
    before, voucher = rows_of_other(studios), foreign(studios, "vouchers")

    data = f"code,percent\n{voucher['code']},1\none-1,2\n"
    job, report = load(studios, "vouchers", data, is_redriven=is_redriven)

    assert (job["rows_written"], job["rows_rejected"]) == (1, 1)
    assert report == [REFUSED if locks == "policies" else TAKEN]
    assert rows_of_other(studios) == before
    assert studios.client.get("/api/vouchers/one-1", **ONE).json["percent"] == 2


@pytest.mark.parametrize(
    ("resource", "column", "referenced", "unknown", "others"),
    [
        ("orders", "user_id", "users", UNKNOWN_USER, {"title": "a"}),
        ("users", "manager_id", "users", UNKNOWN_USER, {"email": "a@b", "name": "A"}),
        ("notes", "order_id", "orders", UNKNOWN_ORDER, {"title": "a"}),
        ("order_items", "order_id", "orders", UNKNOWN_ORDER, {"number": 1, "title": "a"}),
    ],
)
def test_foreign_reference_in_a_file_is_unknown(
    studios: Studios,
    resource: str,
    column: str,
    referenced: str,
    unknown: object,
    others: dict[str, object],
) -> None:
    """So is one that never existed. The number of a foreign order's item is not looked at."""
    before, header = rows_of_other(studios), ",".join([column, *others])
    values = [foreign(studios, referenced)["id"], unknown]

    lines = [",".join(map(str, [value, *others.values()])) for value in values]
    job, report = load(studios, resource, "\n".join([header, *lines]))

    assert (job["rows_written"], job["rows_rejected"]) == (0, 2)
    assert report == [f"{line},{column},unknown,does not exist" for line in (2, 3)]
    assert rows_of_other(studios) == before


def test_foreign_note_author_is_unknown(studios: Studios) -> None:
    own = studios.client.get("/api/orders?limit=1", **ONE).json["data"][0]
    author = foreign(studios, "users")["id"]

    data = f"order_id,author_id,title\n{own['id']},{author},a\n"
    _, report = load(studios, "notes", data)

    assert report == ["2,author_id,unknown,does not exist"]


def test_same_keys_of_two_studios_are_two_rows(studios: Studios) -> None:
    """Emails and currencies are unique in a studio."""
    before, user = rows_of_other(studios), foreign(studios, "users")

    jobs = [
        load(studios, "users", f"email,name\n{user['email']},Ada\n"),
        load(studios, "rates", "currency,rate\nTWO,3\n"),
    ]

    assert [report for _, report in jobs] == [[], []]
    assert rows_of_other(studios) == before
    rate = studios.client.get(f"/api/rates/{STUDIO}/TWO", **ONE)
    assert (rate.status, rate.json["rate"]) == (200, 3)


def test_currency_that_only_another_studio_has(studios: Studios) -> None:
    _, report = load(studios, "prices", "currency,amount\nTWO,1\n")

    assert [line.split(",")[:3] for line in report] == [["2", "currency", "unknown"]]


def test_report_is_that_of_its_studio(studios: Studios) -> None:
    """It is in the folder of its studio, and the job with its URL is unknown to others."""
    job, report = load(studios, "notes", f"order_id,title\n{UNKNOWN_ORDER},a\n")
    target = f"/api/imports/{job['id']}"

    assert len(report) == 1
    key = unquote(urlsplit(job["rejects_url"]).path)
    assert key.endswith(f"/rejects/tenant={STUDIO}/{job['id']}.csv")
    for credentials in (TWO, {"x_api_key": "both", "x_sluice_tenant": OTHER_STUDIO}):
        assert studios.client.get(target, **credentials).status == 404
        assert studios.client.get("/api/imports", **credentials).json["data"] == []
    assert studios.client.get(target, x_api_key="none").status in (403, 404)
