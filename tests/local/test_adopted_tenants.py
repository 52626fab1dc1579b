"""Tables of two tenants: `make adopt TENANT=…`, the proposed statements, and two keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.copied_repository import copy_of_repository, run
from testing.local_system import LocalSystem, temporary_system
from tests.adopted.__main__ import loaded
from tests.catalog.databases import run as run_sql
from tests.fixtures.postgres import throwaway_server
from tests.fixtures.template import ROOT

pytestmark = pytest.mark.slow

UP_TO_DATE = [
    f"--assume-old={target}" for target in (".venv/.dev", ".venv/.run", ".venv/bin/python")
]
FIRST, SECOND = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
SECRET = "of-the-second"  # in each text of the second tenant
ROWS = f"""
INSERT INTO firm.countries VALUES ('DE', 'Germany');
INSERT INTO firm.organisations VALUES ('{FIRST}', 'First'), ('{SECOND}', '{SECRET}');
INSERT INTO firm.people (organisation_id, country, email, badge) VALUES
    ('{FIRST}', 'DE', 'ada@example.com', 'a'), ('{SECOND}', 'DE', '{SECRET}@example.com', 'b');
UPDATE firm.people SET phone = '1' WHERE organisation_id = '{SECOND}';
INSERT INTO firm.deals (organisation_id, owner_id, title) VALUES
    ('{FIRST}', 1, 'Own'), ('{SECOND}', 2, '{SECRET}');
INSERT INTO firm.notes (deal_id, author_id, body) VALUES (1, 1, 'Own'), (2, 2, '{SECRET}');
INSERT INTO firm.answers VALUES (1, 1, 'Own'), (2, 1, '{SECRET}');
INSERT INTO firm.labels VALUES ('own', '{FIRST}', 'Own'), ('{SECRET}', '{SECOND}', 'x');
INSERT INTO firm.deal_labels VALUES (1, 'own', '{FIRST}'), (2, '{SECRET}', '{SECOND}');
INSERT INTO firm.visited VALUES (1, 'DE'), (2, 'DE');
INSERT INTO firm.rates VALUES ('{FIRST}', '2026-01-01', 1), ('{SECOND}', '2026-01-01', 2);
INSERT INTO firm.offices VALUES (1, '{FIRST}', 'Own'), (2, '{SECOND}', '{SECRET}');
"""
ADOPT = (
    *("TABLES=firm.*", "TENANT=organisation_id", "SHARED=countries"),
    *("KEY=open_deals:id", "WRITE=1"),
)
LISTS = {
    "organisations": 1,
    "countries": 1,
    "people": 1,
    "deals": 1,
    "notes": 1,
    "answers": 1,
    "labels": 1,
    "rates": 1,
    "offices": 1,
    "open_deals": 1,
    "deals/1/notes": 1,
    "deals/1/labels": 1,
    "countries/DE/visited": 1,
    "people/1/countries": 1,
}


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with copy_of_repository() as folder:
        yield folder


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with throwaway_server(durable=False) as server:
        loaded_url = loaded(server, ROOT / "tests/catalog/tenants.sql", "firm")
        run_sql(loaded_url, ROWS)
        yield loaded_url


@pytest.fixture(scope="module")
def system(copy: Path, url: str) -> Iterator[LocalSystem]:
    """The adopted tables with both locks, served on this machine."""
    make(copy, "adopt", *ADOPT, "WITH_DDL=1", FROM=url)
    make(copy, "migrate", "APP=firm", DATABASE_URL=url)
    run_proposed(copy, url)
    with temporary_system(copy, DATABASE_URL=url, SLUICE_APP="firm", APP="firm") as started:
        yield started.start("--set", "Rls=true")


def make(folder: Path, *arguments: str, **environ: str) -> str:
    return run(folder, "make", "--no-print-directory", *UP_TO_DATE, *arguments, **environ)


def run_proposed(folder: Path, url: str) -> None:
    """Run each statement: CREATE INDEX CONCURRENTLY cannot be in a transaction with others."""
    for part in (folder / "layers/shared/firm/proposed.sql").read_text().split("\n\n"):
        code = "\n".join(line for line in part.splitlines() if not line.startswith("--"))
        if code:
            run_sql(url, code)


@pytest.fixture(scope="module")
def key(copy: Path, system: LocalSystem) -> str:
    """A key of the first tenant."""
    return key_of(copy, system, FIRST)


def key_of(copy: Path, system: LocalSystem, tenant: str) -> str:
    names = dict.fromkeys(path.partition("/")[0] for path in LISTS)
    scopes = " ".join(
        (*(f"{name}:read" for name in names), "deals:write", "notes:write", "people:write")
    )
    state = {"SLUICE_STATE": str(system.home / "state")}
    return make(copy, "key", "APP=firm", f"SCOPES={scopes}", f"TENANT={tenant}", **state).split()[
        -1
    ]


def test_readiness_finds_both_locks(system: LocalSystem) -> None:
    assert system.request("/health/ready")[0] == 200


@pytest.mark.parametrize("path", LISTS)
def test_list_has_rows_of_its_tenant_alone(system: LocalSystem, key: str, path: str) -> None:
    status, body = system.request(f"/api/{path}?include_total=true", X_API_Key=key)

    assert (status, len(body["data"])) == (200, LISTS[path]), body
    assert SECRET not in str(body)
    assert SECOND not in str(body)


@pytest.mark.parametrize(
    "path",
    [
        *("people/2", "deals/2", "deals/2/notes", "notes/2", "answers/2/1", f"labels/{SECRET}"),
        *(f"organisations/{SECOND}", f"rates/{SECOND}/2026-01-01", "offices/2", "open_deals/2"),
    ],
)
def test_row_of_another_tenant_is_not_there(system: LocalSystem, key: str, path: str) -> None:
    assert system.request(f"/api/{path}", X_API_Key=key)[0] == 404


def test_violation_names_the_field(system: LocalSystem, key: str) -> None:
    """With row-level security the server's report has the name of the constraint alone."""
    person = {"email": "ada@example.com"}
    first = system.request("/api/people", person, X_API_Key=key)
    other = system.request("/api/people", {"email": "e@e.de", "phone": "1"}, X_API_Key=key)

    assert (first[0], first[1]["errors"][0]["pointer"]) == (409, "/email")
    assert (other[0], other[1]["errors"][0]["pointer"]) == (409, "/phone")


@pytest.mark.parametrize("number", [2, 999])
def test_reference_to_another_tenant_is_one_to_nothing(
    system: LocalSystem, key: str, number: int
) -> None:
    deal = system.request("/api/deals", {"title": "New", "owner_id": number}, X_API_Key=key)
    note = system.request("/api/notes", {"deal_id": number, "body": "New"}, X_API_Key=key)

    assert [deal[0], note[0]] == [422, 422]
    assert [deal[1]["errors"][0]["code"], note[1]["errors"][0]["code"]] == ["unknown", "unknown"]


def test_new_row_is_that_of_the_tenant(copy: Path, system: LocalSystem, key: str) -> None:
    other = key_of(copy, system, SECOND)

    status, row = system.request("/api/deals", {"title": "Later"}, X_API_Key=other)

    assert (status, row["organisation_id"]) == (201, SECOND)
    assert system.request(f"/api/deals/{row['id']}", X_API_Key=key)[0] == 404


def test_key_without_a_tenant_reads_shared_rows_alone(system: LocalSystem) -> None:
    assert system.request("/api/countries")[0] == 200
    assert system.request("/api/deals")[1]["code"] == "no_tenant"
