"""The console in Chromium: each view, with its flow, wide and narrow, light and dark."""

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from testing.local_system import LocalSystem
from tests.fixtures.browser import OpenPage
from tests.fixtures.console_tables import (
    apply_filter,
    delete,
    open_new_row,
    open_row,
    rows_of,
    save,
)

VIEWS = ("Live", "Requests", "Statements", "SQL", "Tables", "API keys", "Imports")
POOL = re.compile("pool size 1")
CSV = "name,category,price\nConsole Mug {0},tableware,9.90\nConsole Lamp {0},lighting,cheap\n"


def place_order(system: LocalSystem) -> str:
    """Place an order and return its path."""
    body = {"user_id": 1, "items": [{"product_id": 2, "quantity": 1}]}
    status, order = system.request("/api/orders", body, Idempotency_Key=str(uuid.uuid4()))
    assert status == 201
    return f"/api/orders/{order['id']}"


def new_user(system: LocalSystem) -> dict[str, Any]:
    unique = uuid.uuid4().hex
    body = {"email": f"{unique}@example.com", "name": f"Console {unique}"}
    status, user = system.request("/api/users", body)
    assert status == 201
    found: dict[str, Any] = user
    return found


def filtered_users(page: Page, email: str) -> None:
    apply_filter(page, "email", email)
    expect(rows_of(page, "users")).to_have_count(1)


def test_live_view_shows_requests(demo_system: LocalSystem, open_page: OpenPage) -> None:
    for path in ("/api/products", "/api/products/1", "/api/products/999999999"):
        assert demo_system.request(path)[0] in (200, 404)
    window = open_page(demo_system, "/console")
    page = window.page
    expect(page.locator("#link")).to_have_class("live")
    expect(page.locator(".tile", has_text="Circuit breaker")).to_contain_text(
        "The database answers"
    )
    row = page.locator("#routes tr", has=page.get_by_text("GET /api/products/{id}", exact=True))
    expect(row).to_contain_text(re.compile("404 ×[0-9]+"))
    expect(page.locator(".sandbox.idle").and_(page.get_by_title(POOL)).first).to_be_attached()
    expect(page.locator("canvas")).to_have_count(5)
    window.check("console-live")


def test_plot_shows_time_and_values(demo_system: LocalSystem, open_page: OpenPage) -> None:
    page = open_page(demo_system, "/console").page
    plot = page.get_by_role("application", name=re.compile("^Requests"))
    expect(plot.locator("canvas")).to_be_visible()
    plot.locator(".u-over").hover()
    expect(plot.locator(".tip")).to_contain_text(re.compile(r"^\d\d:\d\d:\d\d"))
    page.mouse.move(0, 0)
    expect(plot.locator(".tip")).to_be_hidden()
    demo_system.request("/api/products?limit=1")
    expect(page.locator("figure", has=plot).locator(".keys")).to_contain_text("successful")
    plot.focus()
    page.keyboard.press("ArrowLeft")
    expect(plot.locator(".tip")).to_be_visible()
    expect(page.locator("figure", has=plot).locator(".spoken")).to_contain_text(
        re.compile(r"^\d\d:\d\d:\d\d: (nothing|[a-z ]+ \d)")
    )
    page.keyboard.press("Escape")
    expect(plot.locator(".tip")).to_be_hidden()


def test_request_leads_to_its_log_and_plan(demo_system: LocalSystem, open_page: OpenPage) -> None:
    path = place_order(demo_system)
    assert demo_system.request(f"{path}?fields=id,total")[0] == 200
    window = open_page(demo_system, "/console")
    page = window.page
    page.get_by_role("link", name="GET /api/orders/{id}", exact=True).click()
    expect(page.get_by_role("heading", name="GET /api/orders/{id}")).to_be_visible()
    window.check("console-requests")
    page.get_by_role("link", name=f"GET {path}?fields=id,total", exact=True).first.click()
    expect(page.locator(".facts")).to_contain_text("admin")
    expect(page.get_by_label("Log lines")).to_contain_text('"route":"/api/orders/{id}"')
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("EXPLAIN ANALYZE: the statement")).to_be_visible()
    expect(page.get_by_label("Plan")).to_contain_text("actual time")
    window.check("console-request")


def test_plan_of_a_write_says_it_was_not_executed(
    demo_system: LocalSystem, open_page: OpenPage
) -> None:
    path = place_order(demo_system)
    page = open_page(demo_system, "/console#/requests/POST%20%2Fapi%2Forders").page
    page.get_by_role("link", name="POST /api/orders", exact=True).first.click()
    page.get_by_role("button", name="Explain").first.click()
    expect(page.get_by_text("so it was not executed")).to_be_visible()
    assert demo_system.request(f"/api/orders/{int(path.rpartition('/')[2]) + 1}")[0] == 404


def test_slow_statements_are_listed(demo_system: LocalSystem, open_page: OpenPage) -> None:
    demo_system.request("/api/categories?limit=1")
    window = open_page(demo_system, "/console#/statements")
    page = window.page
    expect(page.get_by_role("heading", name="Counted by the server")).to_be_visible()
    page.get_by_role("button", name="mean time").click()
    first = page.locator("details.statement").first
    first.locator("summary").click()
    expect(first.get_by_label("SQL statement")).to_be_visible()
    window.check("console-statements")


def test_sql_box_shows_rows_cost_and_remedy(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/console#/sql")
    page = window.page
    box = page.get_by_label("Query")
    box.fill("select name, price from products order by id limit 2")
    box.press("Control+Enter")
    table = page.get_by_role("region", name="Result")
    expect(table.locator("th")).to_have_text(["name (text)", "price (numeric)"])
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_text(re.compile("estimated cost .* of at most 250,000"))).to_be_visible()
    window.check("console-sql")
    window.expect("400 POST /api/analytics/query")
    box.fill("select count(*) from orders a, orders b, orders c, orders d")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("Read fewer rows")
    window.check("console-sql-error")


def test_table_is_filtered_sorted_and_paged(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/console#/tables/products")
    page = window.page
    rows = rows_of(page, "products")
    expect(rows).to_have_count(20)
    first = rows.first.inner_text()
    page.get_by_role("button", name="Next page").click()
    expect(rows.first).not_to_have_text(first)
    page.get_by_role("button", name="Previous page").click()
    page.get_by_role("button", name="price").click()
    page.get_by_role("button", name="price ↑").click()
    expect(page.get_by_role("columnheader", name="price ↓")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_text("Filters (").click()
    page.get_by_label("search", exact=True).fill("mug")
    page.get_by_role("button", name="Apply").click()
    expect(rows.first).to_contain_text(re.compile("mug", re.IGNORECASE))
    window.check("console-table")


def test_row_is_edited_and_a_lost_update_is_explained(
    demo_system: LocalSystem, open_page: OpenPage
) -> None:
    user = new_user(demo_system)
    window = open_page(demo_system, "/console#/tables/users")
    page = window.page
    filtered_users(page, user["email"])
    editor = open_row(page, f"/api/users/{user['id']}")
    save(editor, "name", "Changed in the console")
    saved = demo_system.request(f"/api/users/{user['id']}")[1]
    assert (saved["name"], saved["version"]) == ("Changed in the console", 2)

    other = page.context.new_page()  # another client changes the row
    other.goto(page.url)
    changed = other.evaluate(
        """path => fetch(path, { method: 'PATCH', body: '{"name": "Changed elsewhere"}',
             headers: { 'X-API-Key': 'local-admin', 'Content-Type': 'application/json' } })
           .then(response => response.status)""",
        f"/api/users/{user['id']}",
    )
    assert changed == 200
    window.expect(f"412 PATCH /api/users/{user['id']}")
    editor.get_by_label("name", exact=True).fill("Lost")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_role("alert")).to_contain_text("Another client changed the row")
    window.check("console-editor-412")
    editor.get_by_role("button", name="Load again").click()
    expect(editor.get_by_label("name", exact=True)).to_have_value("Changed elsewhere")


def test_row_is_created_once_and_deleted(demo_system: LocalSystem, open_page: OpenPage) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    page = open_page(demo_system, "/console#/tables/users").page
    editor = open_new_row(page, "users")
    editor.get_by_label("email", exact=True).fill(email)
    editor.get_by_role("button", name="Create").click()
    expect(editor.get_by_role("status")).to_contain_text("Created")
    editor.get_by_role("button", name="Create").click()
    expect(editor.get_by_role("status")).to_contain_text("repeated its first answer")
    (user,) = demo_system.request(f"/api/users?email={email}")[1]["data"]
    editor.get_by_role("button", name="Close").click()
    filtered_users(page, email)
    delete(open_row(page, f"/api/users/{user['id']}"))
    expect(page.get_by_text("No rows match")).to_be_visible()
    assert demo_system.request(f"/api/users/{user['id']}")[0] == 404


def test_key_is_shown_once_rotated_and_revoked(
    demo_system: LocalSystem, open_page: OpenPage
) -> None:
    client = f"console-{uuid.uuid4().hex[:8]}"
    window = open_page(demo_system, "/console#/keys")
    page = window.page
    page.get_by_label("Client").fill(client)
    page.get_by_role("button", name="Create key").click()
    secret = page.locator("#new-key").inner_text()
    assert demo_system.request("/api/products?limit=1", X_API_Key=secret)[0] == 200
    row = page.locator("tr", has_text=client)
    window.check("console-keys")
    row.get_by_role("button", name="Rotate").click()
    expect(row).to_have_count(2)
    expect(page.locator("#new-key")).not_to_have_text(secret)
    row.first.get_by_role("button", name="Revoke").click()
    expect(row.first).to_contain_text("disabled")
    page.reload()
    expect(row).to_have_count(2)
    expect(page.locator("#new-key")).to_have_count(0)


def test_import_shows_progress_and_rejected_rows(
    demo_system: LocalSystem, open_page: OpenPage
) -> None:
    window = open_page(demo_system, "/console#/imports")
    page = window.page
    content = CSV.format(uuid.uuid4().hex).encode()
    page.get_by_label("File").set_input_files(
        {"name": "mugs.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name="Import", exact=True).click()
    sent = page.get_by_text(re.compile("Import [0-9]+ begins"))
    number = sent.inner_text().removesuffix(" begins.").rpartition(" ")[2]
    imports = page.get_by_role("region", name="Imports").locator("tbody tr")
    progress = page.get_by_role("progressbar", name=f"Progress of import {number}", exact=True)
    row = imports.filter(has=progress)
    expect(row).to_contain_text("completed")
    row.get_by_role("button", name=re.compile("Rejected rows")).click()
    rejected = page.get_by_role("region", name="Rejected rows")
    expect(rejected.locator("tbody tr")).to_have_count(1)
    expect(rejected).to_contain_text("price")
    window.check("console-imports")


def test_unusable_file_is_explained(demo_system: LocalSystem, open_page: OpenPage) -> None:
    page = open_page(demo_system, "/console#/imports").page
    page.get_by_label("File").set_input_files(
        {"name": "mugs.xlsx", "mimeType": "text/csv", "buffer": b"x"}
    )
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("must end in .csv")


def test_every_view_is_reached_by_keyboard(demo_system: LocalSystem, open_page: OpenPage) -> None:
    page = open_page(demo_system, "/console").page
    expect(page.locator("#link")).to_have_class("live")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    for view in VIEWS:
        page.get_by_role("navigation").get_by_role("link", name=view, exact=True).focus()
        page.keyboard.press("Enter")
        expect(page.locator("[aria-current=page]")).to_have_text(view)
        expect(page.locator("[aria-current=page]")).to_be_in_viewport(ratio=1)
        expect(page.locator("main h2").first).to_be_visible()
        expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("text", ["<img src=x onerror=console.error(1)>"])
def test_texts_of_clients_are_no_markup(
    demo_system: LocalSystem, open_page: OpenPage, text: str
) -> None:
    user = new_user(demo_system)
    status, _ = demo_system.request("/api/users", {"email": f"x-{user['email']}", "name": text})
    assert status == 201
    demo_system.request("/api/nothing/<img>")
    page = open_page(demo_system, "/console#/tables/users").page
    filtered_users(page, f"x-{user['email']}")
    expect(rows_of(page, "users")).to_contain_text(text)
    assert page.locator("main img").count() == 0
