"""Fixtures of tests in Chromium. Tests are skipped where it is not installed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from testing.local_system import LocalSystem
from tests.fixtures.browser import (
    CHROMIUM,
    ONLY_THIS_MACHINE,
    TIMEOUT,
    VIEWS,
    OpenPage,
    View,
    Window,
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Chromium. Playwright's event loop ends with the module, for the tests after it."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[ONLY_THIS_MACHINE], timeout=TIMEOUT
        )
        yield started
        started.close()


@pytest.fixture(params=VIEWS, ids=str)
def view(request: pytest.FixtureRequest) -> View:
    """Return each size and colour scheme in which pages are tested."""
    found: View = request.param
    return found


@pytest.fixture
def open_page(browser: Browser, view: View) -> Iterator[OpenPage]:
    """`open_page(system, path)` opens a page in a new window, in each of the VIEWS.

    The windows of one test share cookies and storage. At the end none may have a fault.
    """
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme="dark" if view.scheme == "dark" else "light",
        has_touch=view.width < 600,
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT)
    expect.set_options(timeout=TIMEOUT)
    windows: list[Window] = []

    def opened(system: LocalSystem, path: str) -> Window:
        window = Window(context, system.local_json["base_url"], view)
        windows.append(window)
        return window.open(path)

    yield opened
    faults = [fault for window in windows for fault in window.faults]
    context.close()
    assert faults == []
