"""The pages in Chromium on tables of another owner: keys, kinds of columns, and a view.

`make test-pages` has one view, `make test-slow` the others. An application is started once.
"""

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import expect

from testing.local_system import LocalSystem
from tests.fixtures.browser import (
    ONE_VIEW,
    OpenPage,
    View,
    operation,
    require_commands_to_answer,
    send_twice,
)
from tests.fixtures.console_tables import (
    apply_filter,
    check_other_views,
    delete,
    open_new_row,
    open_row,
    open_table,
    save,
)
from tests.fixtures.docs_examples import NODE, send_examples


@pytest.fixture(params=ONE_VIEW, ids=str)
def view(request: pytest.FixtureRequest) -> View:
    found: View = request.param
    return found


def new_company(system: LocalSystem, **values: Any) -> dict[str, Any]:
    number = uuid.uuid4().int
    code = f"{chr(65 + number % 26)}{chr(65 + number // 26 % 26)}-{number // 676 % 10_000:04}"
    status, company = system.request("/api/companies", {"code": code, "name": "New", **values})
    assert status == 201, company
    found: dict[str, Any] = company
    return found


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
def test_each_example_of_docs_works_twice(crm_system: LocalSystem) -> None:
    found = send_examples(crm_system)
    assert found["refused"] == []
    assert found["statuses"]["PUT /api/labels/{slug}/companies/{id}"] == 204
    assert found["paths"] > 40


def test_docs_send_examples_twice(crm_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(crm_system, "/docs")
    for name, status in {
        "companies/create_company": 201,  # a domain with a CHECK
        "calls/create_call": 201,  # a partition
        "rates/get_rate": 200,
        "companies/put_labels_of_company": 204,
    }.items():
        send_twice(operation(window.page, name), status)
    operation(window.page, "companies/update_company")
    operation(window.page, "companies/delete_company")
    window.check("crm-docs")


def test_table_is_filtered_sorted_and_paged(crm_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(crm_system, "/console")
    page = window.page
    rows = open_table(window, "companies")
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="name", exact=True).click()
    expect(rows.first).to_contain_text("Company 1")
    page.get_by_role("button", name="Next page").click()
    expect(rows.first).not_to_contain_text("Company 1")
    window.check("crm-table")
    page.get_by_text("Filters (").click()
    page.get_by_label("stage", exact=True).select_option("in talks")
    page.get_by_role("button", name="Apply").click()
    expect(rows.first).to_contain_text("in talks")
    expect(page.get_by_text(re.compile(r"1\d rows in all"))).to_be_visible()
    expect(page.get_by_text("Filters (1 of 4 in use)")).to_be_visible()
    window.check("crm-filters")


def test_columns_are_those_of_the_rows(crm_system: LocalSystem, open_page: OpenPage) -> None:
    """A row has its company and its rate only if a request expands them."""
    window = open_page(crm_system, "/console")
    open_table(window, "deals")
    names = ["", "id", "company_id", "country", "valid_from", "amount", "notes"]
    expect(window.page.get_by_role("columnheader")).to_have_text(names)


def test_row_of_many_kinds_is_edited(crm_system: LocalSystem, open_page: OpenPage) -> None:
    period = {"lower": "2025-01-01", "upper": "2025-12-31"}
    company = new_company(crm_system, settings={"a": 1}, contract=period)
    window = open_page(crm_system, "/console")
    page = window.page
    open_table(window, "companies")
    apply_filter(page, "code", company["code"])
    path = f"/api/companies/{company['id']}"
    editor = open_row(page, path)
    editor.get_by_label("stage", exact=True).select_option("won")
    editor.get_by_label("is_active", exact=True).select_option("false")
    editor.get_by_label("discount", exact=True).fill("12.50")
    editor.get_by_label("tags", exact=True).fill('["one", "two"]')
    editor.get_by_label("settings", exact=True).fill('{"a": [1, null]}')
    editor.get_by_label("contract", exact=True).fill('{"lower": "2026-01-01", "upper": null}')
    founded = editor.locator(".field", has=page.get_by_label("founded", exact=True))
    founded.get_by_role("checkbox").uncheck()
    editor.get_by_label("founded", exact=True).fill("1999-12-31")
    window.check("crm-editor")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_role("status")).to_contain_text("Saved: ")
    saved = crm_system.request(path)[1]
    assert (saved["stage"], saved["is_active"], saved["discount"]) == ("won", False, "12.50")
    assert (saved["tags"], saved["settings"]) == (["one", "two"], {"a": [1, None]})
    assert saved["founded"] == "1999-12-31"
    assert (saved["contract"]["lower"], saved["contract"]["upper"]) == ("2026-01-01", None)

    window.expect(f"422 PATCH {path}")
    editor.get_by_label("discount", exact=True).fill("99")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_role("alert")).to_contain_text("discount")
    editor.get_by_label("tags", exact=True).fill("[no JSON")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_role("status")).to_contain_text("tags is not valid JSON")
    window.check("crm-editor-invalid")


def test_change_of_another_client_is_not_lost(crm_system: LocalSystem, open_page: OpenPage) -> None:
    company = new_company(crm_system)
    path = f"/api/companies/{company['id']}"
    window = open_page(crm_system, "/console")
    page = window.page
    open_table(window, "companies")
    apply_filter(page, "code", company["code"])
    editor = open_row(page, path)
    changed = page.evaluate(
        """path => fetch(path, { method: 'PATCH', body: '{"name": "Changed elsewhere"}',
             headers: { 'X-API-Key': 'local-admin', 'Content-Type': 'application/json' } })
           .then(response => response.status)""",
        path,
    )
    assert changed == 200
    window.expect(f"412 PATCH {path}")
    editor.get_by_label("name", exact=True).fill("Lost")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_role("alert")).to_contain_text("Another client changed the row")
    editor.get_by_role("button", name="Load again").click()
    expect(editor.get_by_label("name", exact=True)).to_have_value("Changed elsewhere")
    delete(editor)
    assert crm_system.request(path)[0] == 404


@pytest.mark.parametrize("table", ["companies", "calls", "deals", "labels", "rates"])
def test_new_row_begins_with_values_that_are_accepted(
    crm_system: LocalSystem, open_page: OpenPage, table: str
) -> None:
    window = open_page(crm_system, "/console")
    page = window.page
    open_table(window, table)
    editor = open_new_row(page, table)
    window.check(f"crm-new-{table}")
    editor.get_by_role("button", name="Create").click()
    expect(editor.get_by_role("status")).to_contain_text("Created")


def test_row_with_a_composite_key_is_edited_and_deleted(
    crm_system: LocalSystem, open_page: OpenPage
) -> None:
    rate = {"country": "AA", "valid_from": "2020-01-31", "rate": 1.25}
    assert crm_system.request("/api/rates", rate)[0] == 201
    window = open_page(crm_system, "/console")
    page = window.page
    open_table(window, "rates")
    editor = open_row(page, "/api/rates/AA/2020-01-31")
    expect(editor.get_by_label("country", exact=True)).not_to_be_editable()  # it is in the key
    save(editor, "rate", "2.5")
    assert crm_system.request("/api/rates/AA/2020-01-31")[1]["rate"] == 2.5
    delete(editor)
    assert crm_system.request("/api/rates/AA/2020-01-31")[0] == 404


def test_key_that_is_no_plain_text_is_opened(crm_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(crm_system, "/console")
    open_table(window, "labels")
    editor = open_row(window.page, "/api/labels/~b2xkIGZyaWVuZC81MCU")
    expect(editor.get_by_label("title", exact=True)).to_have_value("Old friend")


def test_view_without_writes_is_read(crm_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(crm_system, "/console")
    page = window.page
    rows = open_table(window, "open_companies")
    expect(page.get_by_role("button", name="New row")).to_have_count(0)
    rows.first.get_by_role("button", name="Open").click()
    editor = page.locator(".editor")
    expect(editor.get_by_role("button")).to_have_text(["Load again", "Close"])
    expect(editor.locator("pre")).to_contain_text("Company")
    window.check("crm-view")


def test_other_views_are_readable(crm_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(crm_system, "/console")
    check_other_views(window, "crm")


def test_home_page_and_graphiql_use_its_tables(
    crm_system: LocalSystem, open_page: OpenPage
) -> None:
    window = open_page(crm_system, "/")
    page = window.page
    expect(page.locator("#application")).to_have_text("crm")
    expect(page.locator("#tenants")).to_be_hidden()
    window.check("crm-home")
    require_commands_to_answer(page)

    page.get_by_role("link", name="Query GraphQL").click()
    page.locator(".graphiql-execute-button").click()
    expect(page.locator(".graphiql-response")).to_contain_text('"nodes"')
    window.check("crm-graphiql")
