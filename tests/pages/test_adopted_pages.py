"""/docs and the console's tables in Chromium, on adopted tables: with references, and tenants."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from testing.copied_repository import copy_of_repository, run
from testing.local_system import LocalSystem, temporary_system
from tests.adopted.__main__ import loaded
from tests.catalog.databases import run as run_sql
from tests.fixtures.browser import OpenPage, operation, send_twice
from tests.fixtures.postgres import throwaway_server
from tests.fixtures.template import ROOT

FIRST = "11111111-1111-4111-8111-111111111111"
ROWS = """
INSERT INTO ten.labels VALUES ('red', 'Red'), ('blue', 'Blue');
INSERT INTO ten.machines (id, code) VALUES ('6dd3a3b5-0b56-4f60-9f2c-3a40f5b0c001', 'ABC'),
    ('6dd3a3b5-0b56-4f60-9f2c-3a40f5b0c002', 'DEF');
INSERT INTO ten.teams (id, motto) VALUES (7, 'First');
"""
TENANTS = f"""
INSERT INTO firm.countries VALUES ('DE', 'Germany');
INSERT INTO firm.organisations VALUES ('{FIRST}', 'First');
INSERT INTO firm.people (organisation_id, country, email, badge)
    VALUES ('{FIRST}', 'DE', 'ada@example.com', 'a');
"""


def python(folder: Path, *arguments: str, **environ: str) -> str:
    return run(folder, ".venv/bin/python", "-m", *arguments, **environ)


@pytest.fixture(scope="module")
def adopted() -> Iterator[LocalSystem]:
    """Serve awkward tables with a few rows. Some reference rows by a uuid or a text."""
    with throwaway_server(durable=False) as server, copy_of_repository() as folder:
        url = loaded(server, ROOT / "tests/adopted/ten.sql", "ten")
        run_sql(url, ROWS)
        adopt = ("catalog", "adopt", "--write", "--app", "ten", "--tables", "ten.*")
        python(folder, *adopt, FROM=url)
        variables = {"DATABASE_URL": url, "SLUICE_APP": "ten", "APP": "ten"}
        with temporary_system(folder, **variables) as system:
            migrate = system.spawn("migrate")
            assert migrate.wait(timeout=120) == 0
            yield system.start()


def test_examples_reference_rows_that_exist(adopted: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(adopted, "/docs")
    expect(window.page.locator(".opblock").first).to_be_visible()
    for name, status in {
        "machines/get_machine": 200,
        "labels/create_label": 201,
        "parts/create_part": 201,
        "machines/update_machine": 200,
    }.items():
        send_twice(operation(window.page, name), status)
    window.check("adopted-docs")


def test_console_edits_adopted_rows(adopted: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(adopted, "/console#/tables/labels")
    page = window.page
    rows = page.get_by_role("region", name="Rows of labels")
    expect(rows).to_contain_text("Blue")
    page.get_by_role("button", name="New row").click()
    editor = page.locator(".editor")
    slug = f"new-{window.view}"
    editor.get_by_label("slug", exact=True).fill(slug)
    editor.get_by_label("title", exact=True).fill(slug)
    editor.get_by_role("button", name="Create").click()
    expect(editor).to_contain_text("Created")
    expect(rows).to_contain_text(slug)
    page.get_by_role("button", name=f"Open /api/labels/{slug}").click()
    editor.get_by_label("title", exact=True).fill(f"{slug} 2")
    editor.get_by_role("button", name="Save").click()
    expect(rows).to_contain_text(f"{slug} 2")
    window.check("adopted-table")

    page.get_by_label("Table", exact=True).select_option("machines")
    expect(page.get_by_role("region", name="Rows of machines")).to_contain_text("6dd3a3b5")
    window.check("adopted-machines")
