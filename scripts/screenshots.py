"""Take the pictures of the documentation: docs/images/*.png.

    make run                                      # in another terminal, with the demo shop
    .venv/bin/python -m scripts.screenshots

It sends requests for a minute, so that the console shows something. It needs Chromium,
and Playwright, which `make check` installs.
"""

import json
import random
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from local.state import StateFolder, home_of_system

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs/images"
WINDOW: ViewportSize = {"width": 1280, "height": 900}
TRAFFIC_SECONDS = 60.0
SENDERS = 3
KEYS = (*["local-admin"] * 15, "local-reader")  # few requests are over the limit of a reader
PATHS = (
    "/api/products?limit=20",
    "/api/products?category=kitchen&sort=price:desc",
    "/api/products/{}",
    "/api/categories",
    "/api/orders?limit=5",
)
GRAPHQL = {"query": "{ products(first: 20) { nodes { name price category { name } } } }"}


def send_requests(base_url: str, until: float) -> None:
    """Send reads and GraphQL queries until the time on the monotonic clock."""
    chance = random.Random(7)
    while time.monotonic() < until:
        path = chance.choice((*PATHS, "/api/graphql"))
        body = json.dumps(GRAPHQL).encode() if path == "/api/graphql" else None
        request = urllib.request.Request(  # noqa: S310  this machine's server
            base_url + path.format(chance.randint(1, 190)), data=body
        )
        request.add_header("X-API-Key", chance.choice(KEYS))
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                response.read()
        except urllib.error.HTTPError as error:  # a product that does not exist, a rate limit
            error.close()


def take(browser: Browser, url: str, name: str) -> None:
    """Save the upper part of a page, as a reader with light colours sees it."""
    page = browser.new_page(viewport=WINDOW, color_scheme="light", reduced_motion="reduce")
    page.goto(url)
    page.wait_for_timeout(4000)  # the console draws once a second
    page.screenshot(path=IMAGES / f"{name}.png")
    page.close()


def main() -> int:
    """Take the pictures of the running system."""
    published = StateFolder(home_of_system()).read("local.json")
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if published is None or program is None:
        print("this needs a running system (make run) and Chromium", file=sys.stderr)
        return 1
    base_url = published["base_url"]
    until = time.monotonic() + TRAFFIC_SECONDS
    senders = [
        threading.Thread(target=send_requests, args=(base_url, until)) for _ in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    time.sleep(TRAFFIC_SECONDS * 0.6)
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        take(browser, f"{base_url}/console", "console")
        take(browser, f"{base_url}/docs", "api-docs")
        browser.close()
    for sender in senders:
        sender.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
