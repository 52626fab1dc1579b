"""/docs and /reference in Chromium: examples, keys, errors and links, on every view."""

from playwright.sync_api import expect

from testing.local_system import LocalSystem
from tests.fixtures.browser import WIDER_THAN_WINDOW, OpenPage, operation, send_twice


def test_examples_work_twice(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/docs")
    send_twice(operation(window.page, "users/get_user"), 200)
    send_twice(operation(window.page, "users/create_user"), 201)
    send_twice(operation(window.page, "products/create_product"), 201)
    window.screenshot("docs-operations")


def test_errors_are_folded(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/docs")
    block = operation(window.page, "users/get_user")
    statuses = block.locator(".responses-table:not(.live-responses-table) tr.response")
    expect(statuses).to_have_count(2)  # 200 and 304
    block.locator(".execute").click()
    expect(block.locator(".live-responses-table")).to_contain_text("200")
    window.check("docs-operation")

    block.get_by_role("button", name="Show").click()
    expect(block.locator("tr.response[data-code='429']")).to_be_visible()
    block.get_by_role("button", name="Hide errors").click()
    expect(statuses).to_have_count(2)


def test_authorize_names_the_local_keys(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/docs")
    expect(window.page.locator(".info")).to_contain_text("send an API key in the header X-API-Key")
    window.page.locator(".btn.authorize").click()
    dialog = window.page.locator(".modal-ux")
    for key in ("local-admin", "local-reader", "local-limited"):
        expect(dialog).to_contain_text(key)
    dialog.get_by_role("button", name="Remove authorization").first.click()
    expect(dialog.locator(".auth-container input").first).to_be_focused()
    window.check("docs-authorize")


def test_reference_is_readable(demo_system: LocalSystem, open_page: OpenPage) -> None:
    """A part of the document is checked: axe-core takes minutes for a page of all operations."""
    window = open_page(demo_system, "/reference")
    expect(window.page.locator("rapi-doc")).to_contain_text("Place an order")
    assert not window.page.evaluate(WIDER_THAN_WINDOW)

    part = demo_system.request("/openapi.json")[1]
    part["paths"] = {path: part["paths"][path] for path in ("/api/users", "/api/users/{id}")}
    window.page.route("**/openapi.json", lambda route: route.fulfill(json=part))
    window.page.reload()
    expect(window.page.locator("body[data-ready]")).to_be_visible()
    expect(window.page.locator("rapi-doc")).to_contain_text("Get a user")
    window.check("reference")


def test_docs_are_readable_and_linked(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/docs")
    expect(window.page.locator(".opblock").first).to_be_visible()
    window.check("docs")

    links = window.page.get_by_role("navigation", name="Pages").get_by_role("link")
    expect(links).to_have_text(
        ["Home", "Try requests", "Reference", "openapi.json", "GraphQL", "Console"]
    )
    links.filter(has_text="Reference").click()
    expect(window.page.locator("rapi-doc")).to_be_visible()
    window.page.get_by_role("link", name="Home").click()
    expect(window.page.locator("h1")).to_have_text("Sluice runs on this machine")
