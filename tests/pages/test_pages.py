"""The home page and GraphiQL of the local system in Chromium, without a network."""

from playwright.sync_api import expect

from testing.local_system import LocalSystem
from tests.fixtures.browser import OpenPage


def test_home_page_is_readable(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/")
    expect(window.page.locator("h1")).to_be_visible()
    window.check("home")


def test_graphiql_shows_the_first_query(demo_system: LocalSystem, open_page: OpenPage) -> None:
    window = open_page(demo_system, "/graphiql")
    expect(window.page.locator(".graphiql-execute-button")).to_be_visible()
    expect(window.page.locator(".graphiql-query-editor")).to_contain_text("MostExpensive")
    expect(window.page.locator(".graphiql-query-editor")).to_contain_text("Run it with Ctrl-Enter")
