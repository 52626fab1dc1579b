"""The home page and GraphiQL of the local system in Chromium, without a network."""

import shlex
import subprocess

from playwright.sync_api import expect

from testing.local_system import LocalSystem
from tests.fixtures.browser import OpenPage


def test_home_page_has_commands_that_work(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/")
    expect(window.page.locator("#application")).to_have_text("shop")
    commands = window.page.locator("#commands pre")
    expect(commands).to_contain_text(["/api/products", "MostExpensive"])
    window.check("home")

    for command in commands.all_inner_texts():
        sent = [*shlex.split(command), "--silent", "--fail"]
        answer = subprocess.run(sent, capture_output=True, text=True, check=True)
        assert '"data":' in answer.stdout


def test_command_is_copied(demo_system: LocalSystem, open_page: OpenPage) -> None:
    page = open_page(demo_system, "/").page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    command = page.locator("#commands pre").first
    expect(command).to_contain_text("/api/products")
    button = page.get_by_role("button", name="Copy command 1")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == command.inner_text()


def test_home_page_leads_to_each_page(demo_system: LocalSystem, open_page: OpenPage) -> None:
    page = open_page(demo_system, "/").page
    for name, path in {
        "Try the REST API": "/docs",
        "Read the REST API": "/reference",
        "Query GraphQL": "/graphiql",
        "Watch the console": "/console",
    }.items():
        page.get_by_role("link", name=name).click()
        page.wait_for_url(f"**{path}")
        page.go_back()


def test_graphiql_shows_query_and_response(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/graphiql")
    query = window.page.locator(".graphiql-query-editor")
    expect(query).to_contain_text("MostExpensive")
    expect(query).to_contain_text("Run it with Ctrl-Enter")
    window.page.locator(".graphiql-execute-button").click()
    response = window.page.locator(".graphiql-response")
    expect(response).to_contain_text('"products"')
    box = response.bounding_box()
    assert box is not None
    assert box["width"] > 300
    assert box["height"] > 200
    window.check("graphiql")


def test_graphiql_describes_the_schema(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/graphiql")
    window.page.get_by_role("button", name="Show Documentation Explorer").click()
    explorer = window.page.locator(".graphiql-plugin")
    explorer.get_by_role("link", name="Query").click()
    expect(explorer).to_contain_text("List products.")
    window.check("graphiql-explorer")
    explorer.get_by_role("link", name="products", exact=True).click()
    expect(explorer.get_by_text("Arguments")).to_be_visible()
    window.check("graphiql-explorer-field")
    window.page.get_by_role("navigation", name="Pages").get_by_text("Console").click()
    window.page.wait_for_url("**/console")
