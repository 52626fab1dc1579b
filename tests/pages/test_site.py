"""The documentation site in Chromium: wide and narrow, light and dark, without a network."""

import http.server
import re
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from testing.environments import DOCS_VENV
from tests.fixtures.browser import VIEWS, WIDER_THAN_WINDOW, View
from tests.fixtures.template import ROOT

PYTHON = DOCS_VENV / "bin/python"
SITE = ROOT / ".site/html"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="make docs installs the site's builder")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Build the site, and serve it on a free port."""
    done = subprocess.run(
        [PYTHON, "scripts/build_docs.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    handler = partial(QuietHandler, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def faults_of(browser: Browser, view: View, url: str) -> list[str]:
    """Open a page and return the browser's messages, and requests to other origins."""
    page = browser.new_page(
        viewport={"width": view.width, "height": view.height},
        color_scheme="dark" if view.scheme == "dark" else "light",
    )
    faults: list[str] = []
    origin = url.partition("/html/")[0] if url.startswith("file:") else "/".join(url.split("/")[:3])
    page.on(
        "console", lambda message: faults.append(message.text) if message.type == "error" else None
    )
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((origin, "data:", "blob:"))
            else faults.append(f"other origin: {request.url}")
        ),
    )
    page.goto(url)
    if page.evaluate(WIDER_THAN_WINDOW):
        faults.append("the page is wider than the window")
    page.close()
    return faults


@pytest.mark.parametrize("path", ["index", "architecture"])
def test_page_loads_nothing_from_elsewhere(
    browser: Browser, view: View, origin: str, path: str
) -> None:
    assert faults_of(browser, view, f"{origin}/{path}.html") == []


def test_page_opened_as_a_file_loads_nothing_from_elsewhere(browser: Browser, origin: str) -> None:
    assert faults_of(browser, VIEWS[0], (SITE / "tutorial/shop.html").as_uri()) == []


def test_diagrams_are_drawn(browser: Browser, origin: str) -> None:
    page = browser.new_page()
    page.goto(f"{origin}/architecture.html")

    page.wait_for_function("document.querySelectorAll('div.mermaid').length == 4")
    assert page.locator("pre.mermaid").count() == 0
    page.close()


# Mermaid draws into a closed shadow root, which this opens.
OPEN_SHADOWS = """
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function () { return attach.call(this, { mode: "open" }); };
"""
# A picture that is wider than the page is shrunk, with its text.
TEXT_SIZES = """() => [...document.querySelectorAll("div.mermaid")].map((diagram) => {
    const svg = diagram.shadowRoot.querySelector("svg");
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return scale * parseFloat(getComputedStyle(svg.querySelector(".nodeLabel")).fontSize);
})"""


def test_text_of_diagrams_is_legible_on_a_phone(browser: Browser, origin: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.add_init_script(OPEN_SHADOWS)
    page.goto(f"{origin}/architecture.html")
    page.wait_for_function("document.querySelectorAll('div.mermaid').length == 4")

    sizes = page.evaluate(TEXT_SIZES)
    assert len(sizes) == 4
    assert min(sizes) >= 12
    page.close()


COPIED = """() => [...document.querySelectorAll(".language-console code")].map((code) => {
    code.setAttribute("data-md-copying", "");
    return code.innerText.trim();
})"""


def test_copied_commands_have_no_prompt_and_no_output(browser: Browser, origin: str) -> None:
    page = browser.new_page()
    page.goto(f"{origin}/tutorial/shop.html")

    copied = page.evaluate(COPIED)
    commands = [line for text in copied for line in text.splitlines() if line.strip()]
    assert len(commands) > 10
    assert [line for line in commands if not line.startswith(("make ", "curl "))] == []
    page.close()


def test_search_finds_a_page(browser: Browser, origin: str) -> None:
    page = browser.new_page()
    page.goto(f"{origin}/index.html")

    page.get_by_role("textbox", name="Search").first.press_sequentially("drift")
    page.locator(".md-search-result__link").first.wait_for()
    page.close()


def test_links_of_built_pages_are_those_of_the_site(origin: str) -> None:
    """A link to a Markdown file would lead nowhere in the site."""
    links = re.compile(r'href="(?!https?:)[^"]*\.md(?:#[^"]*)?"')
    assert [page.name for page in SITE.rglob("*.html") if links.search(page.read_text())] == []


def pages_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}


def test_site_has_readme_as_its_first_page(origin: str) -> None:
    assert {"index.html", "tutorial/shop.html", "repository/CONTRIBUTING.html"} <= pages_of(SITE)
    assert "Two commands" in (SITE / "index.html").read_text()
