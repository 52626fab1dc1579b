"""The console in Chromium: what it shows of requests."""

import re

from playwright.sync_api import expect

from testing.local_system import LocalSystem
from tests.fixtures.browser import OpenPage

POOL = re.compile("size 1; circuit breaker closed")


def test_console_shows_requests(demo_system: LocalSystem, open_page: OpenPage) -> None:
    for path in ("/api/products", "/api/products/1", "/api/products/999999999"):
        assert demo_system.request(path)[0] in (200, 404)
    page = open_page(demo_system, "/console").page
    expect(page.locator("#link")).to_have_class("live")
    expect(page.locator("#tiles")).to_contain_text("database reachable")
    for route in ("GET /api/products", "GET /api/products/{id}"):
        row = page.locator("#routes tr", has=page.get_by_role("cell", name=route, exact=True))
        expect(row).to_contain_text("ProductsFunction")
    expect(row).to_contain_text(re.compile("404 ×[0-9]+"))
    expect(page.locator("#plots path.curve")).to_have_count(3)  # median, p95, p99
    expect(page.locator(".sandbox.idle").and_(page.get_by_title(POOL)).first).to_be_attached()
