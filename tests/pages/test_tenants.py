"""The pages in Chromium on an application with tenants: the reader chooses a key and a tenant.

`make test-pages` has one view, `make test-slow` the others. An application is started once.
"""

import pytest
from playwright.sync_api import expect

from testing.local_system import LocalSystem
from tests.fixtures.browser import (
    ONE_VIEW,
    OpenPage,
    View,
    Window,
    operation,
    require_commands_to_answer,
    send_twice,
)
from tests.fixtures.console_tables import (
    check_other_views,
    delete,
    open_new_row,
    open_row,
    open_table,
    rows_of,
    save,
)
from tests.fixtures.docs_examples import NODE, send_examples
from tests.fixtures.studio import OTHER_STUDIO, STUDIO


@pytest.fixture(params=ONE_VIEW, ids=str)
def view(request: pytest.FixtureRequest) -> View:
    found: View = request.param
    return found


def use_key(window: Window, key: str) -> None:
    """Choose the first of the key's two tenants, as the console does."""
    window.page.evaluate(
        "access => localStorage.setItem('sluice-access', JSON.stringify(access))",
        {"key": key, "tenant": STUDIO, "tenants": [STUDIO, OTHER_STUDIO]},
    )


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
def test_each_example_of_docs_works_twice(studio_system: LocalSystem, studio_key: str) -> None:
    found = send_examples(studio_system, key=studio_key, tenant=STUDIO)
    assert found["refused"] == []
    assert found["paths"] > 60


def test_key_with_a_tenant_is_created_and_used(
    studio_system: LocalSystem, open_page: OpenPage
) -> None:
    window = open_page(studio_system, "/console#/tables/users")
    page = window.page
    window.expect("403 GET /api/users?")
    expect(page.get_by_role("alert")).to_contain_text("Create a key with a tenant, and press")
    window.check("studio-no-tenant")

    page.get_by_role("alert").get_by_role("link", name="API keys").click()
    tenants = page.get_by_role("group", name="Tenants")
    expect(tenants.get_by_role("checkbox")).to_have_count(2)
    tenants.get_by_label("First studio").check()
    page.get_by_label("Other tenants").fill(OTHER_STUDIO)
    page.get_by_role("group", name="Scopes").get_by_role("button", name="All").click()
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_text(f"send this key and the tenant {STUDIO}")).to_be_visible()
    window.check("studio-key")

    page.get_by_role("link", name="Tables", exact=True).click()
    page.get_by_label("Table", exact=True).select_option("users")
    rows = rows_of(page, "users")
    expect(rows.first).to_contain_text("First studio")
    window.check("studio-table")
    page.get_by_label("Tenant", exact=True).select_option(OTHER_STUDIO)
    expect(rows.first).to_contain_text("Second")
    expect(page.get_by_text("First studio")).to_have_count(0)


def test_row_of_the_tenant_is_created_edited_and_deleted(
    studio_system: LocalSystem, studio_key: str, open_page: OpenPage
) -> None:
    window = open_page(studio_system, "/console")
    use_key(window, studio_key)
    page = window.page
    page.reload()
    open_table(window, "rates")
    editor = open_new_row(page, "rates")
    editor.get_by_label("currency", exact=True).fill("CHF")
    editor.get_by_role("button", name="Create").click()
    expect(editor.get_by_role("status")).to_contain_text(f'Created {{"studio_id":"{STUDIO}"')
    editor.get_by_role("button", name="Close").click()

    path = f"/api/rates/{STUDIO}/CHF"
    editor = open_row(page, path)
    save(editor, "rate", "0.75")
    headers = {"X_API_Key": studio_key, "X_Sluice_Tenant": STUDIO}
    assert studio_system.request(path, **headers)[1]["rate"] == 0.75
    window.check("studio-editor")
    delete(editor)
    assert studio_system.request(path, **headers)[0] == 404


def test_docs_send_examples_of_the_tenant_twice(
    studio_system: LocalSystem, studio_key: str, open_page: OpenPage
) -> None:
    window = open_page(studio_system, "/docs")
    page = window.page
    expect(page.locator(".info")).to_contain_text("Create a key with a tenant under API keys")
    use_key(window, studio_key)
    page.reload()
    expect(page.locator(".info")).not_to_contain_text("Create a key with a tenant")
    for name, status in {
        "users/create_user": 201,
        "rates/create_rate": 201,
        "order_items/create_order_item": 201,
        "orders/put_labels_of_order": 204,
        "studios/get_studio": 200,
    }.items():
        send_twice(operation(page, name), status)
    window.screenshot("studio-docs")


def test_other_views_are_readable(
    studio_system: LocalSystem, studio_key: str, open_page: OpenPage
) -> None:
    window = open_page(studio_system, "/console")
    use_key(window, studio_key)
    check_other_views(window, "studio")


def test_home_page_and_graphiql_send_the_tenant(
    studio_system: LocalSystem, studio_key: str, open_page: OpenPage
) -> None:
    window = open_page(studio_system, "/")
    page = window.page
    expect(page.locator("#tenants")).to_be_visible()
    window.check("studio-home")
    use_key(window, studio_key)
    page.reload()
    expect(page.locator("#commands pre").first).to_contain_text(STUDIO)
    expect(page.locator("#tenants")).to_be_hidden()
    require_commands_to_answer(page)

    page.get_by_role("link", name="Query GraphQL").click()
    page.locator(".graphiql-execute-button").click()
    expect(page.locator(".graphiql-response")).to_contain_text("First studio")
    window.check("studio-graphiql")
