"""The checks of tests/fixtures/browser.py find the faults that they are for."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser

from tests.fixtures.browser import VIEWS, Window

FAULTS = {  # a page's body → the fault
    "<script>console.error('canary-error')</script>": "console error: canary-error",
    "<script>console.warn('canary-warning')</script>": "console warning: canary-warning",
    "<script>null.canary</script>": "exception: Cannot read properties of null",
    "<script>fetch('/missing')</script>": "404 GET /missing",
    "<img src='http://sluice.example/canary.png'>": "other origin: GET http://sluice.example/",
    "<img src='http://192.0.2.1/canary.png'>": "ERR_NAME_NOT_RESOLVED GET http://192.0.2.1/",
}


class Handler(BaseHTTPRequestHandler):
    """Serves `body` as the page at /, and 404 elsewhere."""

    body = ""

    def do_GET(self) -> None:
        page = f"<!doctype html><html lang=en><title>T</title><main><h1>T</h1>{self.body}</main>"
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page.replace("<title>", "<link rel=icon href=data:,><title>").encode())

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def window(browser: Browser, origin: str) -> Iterator[Window]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield Window(context, origin, VIEWS[-1])
    context.close()


@pytest.mark.parametrize("body", FAULTS, ids=range(len(FAULTS)))
def test_fault_of_a_page_is_found(window: Window, body: str) -> None:
    Handler.body = body
    window.open("/").page.wait_for_load_state("networkidle")
    found = [fault for fault in window.faults if FAULTS[body] in fault]
    assert found, window.faults

    window.expect(FAULTS[body])
    assert [fault for fault in window.faults if fault in found] == []


def test_page_without_faults_has_none(window: Window) -> None:
    Handler.body = "<p>Text</p><img alt='' src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>"
    window.open("/").page.wait_for_load_state("networkidle")
    assert (window.faults, window.violations()) == ([], [])


def test_unreadable_text_is_a_violation(window: Window) -> None:
    Handler.body = "<p style='color: #bbb; background: #fff'>Pale text</p>"
    (violation,) = window.open("/").violations()
    assert "color-contrast" in violation
    assert "Pale text" in violation


def test_page_wider_than_the_window_is_rejected(window: Window) -> None:
    Handler.body = "<div style='width: 500px'>Wide</div>"
    with pytest.raises(AssertionError, match="wider than the window"):
        window.open("/").check("wide")
