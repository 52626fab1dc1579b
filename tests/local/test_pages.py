"""GraphiQL and the console of the local system: whole, from files that are here, and nowhere else."""

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from local.pages import FOLDERS, POLICY, TYPES, files
from tests.fixtures.system import System
from tests.fixtures.template import ROOT

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


def fetch(system: System, path: str, **headers: str) -> tuple[str, bytes, dict[str, str]]:
    request = urllib.request.Request(system.published["base_url"] + path, headers=headers)  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return answer.headers["content-type"], answer.read(), dict(answer.headers)


def dump(system: System, path: str, profile: Path) -> str:
    """The page as Chromium has it after ten seconds of its time, with no network but this machine."""
    run = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
         "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--virtual-time-budget=10000", "--dump-dom",
         system.published["base_url"] + path],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return run.stdout


@pytest.mark.parametrize("root", FOLDERS)
def test_the_page_and_all_that_it_names_are_there(demo_shop: System, root: str) -> None:
    kind, page, headers = fetch(demo_shop, root)
    assert (kind, headers["content-security-policy"]) == ("text/html; charset=utf-8", POLICY)
    named = {name for name in re.findall(r'(?:src|href)="(/[^"]+)"', page.decode()) if name.startswith(f"{root}/")}
    modules = {path for path in FOLDERS[root].glob("*.js") if b"import {" in path.read_bytes()}
    for module in modules:
        named |= {f"{root}/{name}" for name in re.findall(r"from '\./(\S+)'", module.read_text())}
    assert {f"{root}/{name}" for name in files(root)} - named == {f"{root}/index.html"}
    for path in named:
        kind, body, _ = fetch(demo_shop, path)
        assert (kind, bool(body)) == (TYPES[Path(path).suffix], True)
        assert len(fetch(demo_shop, path, **{"Accept-Encoding": "gzip"})[1]) <= len(body) + 50


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert "http" not in POLICY
    for root in FOLDERS:
        for path in files(root).values():
            if path.suffix != ".gz":
                assert not re.search(r"//\w", path.read_text().replace("http://www.w3.org/2000/svg", "")), path


def test_other_paths_and_methods_are_not_the_pages(demo_shop: System) -> None:
    for path in (
        "/graphiql/../pages.py",
        "/graphiql/LICENSES.md",
        "/graphiql/none",
        "/graphiqlx",
        "/console/../vitals.py",
    ):
        assert demo_shop.ask(path)[0] == 404
    assert demo_shop.ask("/graphiql", {})[0] == 404


def test_it_is_not_deployed() -> None:
    assert "graphiql" not in (ROOT / "template.yaml").read_text()
    assert not list((ROOT / "functions").rglob("*graphiql*"))


def test_every_file_has_its_licence_told() -> None:
    folder = FOLDERS["/graphiql"]
    told = (folder / "LICENSES.md").read_text()
    assert [path.name for path in folder.glob("*.gz") if path.name not in told] == []


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_without_a_network_shows_graphiql(demo_shop: System, tmp_path: Path) -> None:
    shown = dump(demo_shop, "/graphiql", tmp_path)
    assert "graphiql-execute-button" in shown
    assert "Dearest" in shown


def test_the_console_is_told_of_what_was_asked(demo_shop: System) -> None:
    demo_shop.ask("/api/products?search=canary-of-the-console")
    demo_shop.ask("/api/products/0", x_api_key="canary-of-a-stranger")
    demo_shop.ask("/api/analytics/query", {"query": "select 'canary of sql'"})
    told = demo_shop.ask("/console/data")[1]
    routes = {each["route"]: each for each in told["routes"]}
    assert routes["GET /api/products"]["statuses"]["200"] >= 1
    assert routes["GET /api/products/{id}"]["statuses"]["401"] >= 1
    pools = [
        box["told"] for each in told["functions"] for box in each["sandboxes"] if each["name"] == "ProductsFunction"
    ]
    assert any(pool and (pool["size"], pool["checked_out"], pool["breaker_open"]) == (1, 1, False) for pool in pools)
    assert not re.search(r"canary|local-|select", json.dumps(told), re.IGNORECASE)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_traffic_on_the_console(demo_shop: System, tmp_path: Path) -> None:
    for path in ("/api/products", "/api/products/1", "/api/products/999999999"):
        assert demo_shop.ask(path)[0] in (200, 404)
    told = {each["route"]: each["statuses"] for each in demo_shop.ask("/console/data?window=60")[1]["routes"]}
    missed = told["GET /api/products/{id}"]["404"]
    shown = dump(demo_shop, "/console", tmp_path)
    assert 'class="live"' in shown
    assert re.search(r"<b>closed</b><small>database reached", shown)
    for route in ("GET /api/products", "GET /api/products/{id}"):
        assert f"<td>{route}</td><td><small>ProductsFunction</small></td>" in shown
    assert f">404 ×{missed}<" in shown
    bars, curve = (
        re.findall(r'<path d="(M[^"]+)" fill', shown),
        re.findall(r'<path class="curve[^>]+ d="(M[^"]+)"', shown),
    )
    assert len(bars) >= 3  # answered, refused, and connections in use
    assert len(curve) == 3  # median, p95, p99
    assert re.search(r'class="sandbox idle[^"]*" title="[^"]+size 1; circuit closed"', shown)
