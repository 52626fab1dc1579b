"""GraphiQL at /graphiql of the local system: whole, from files that are here, and nowhere else."""

import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from local.pages import FILES, FOLDER, POLICY
from tests.fixtures.system import System
from tests.fixtures.template import ROOT

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


def fetch(system: System, path: str, **headers: str) -> tuple[str, bytes, dict[str, str]]:
    request = urllib.request.Request(system.published["base_url"] + path, headers=headers)  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return answer.headers["content-type"], answer.read(), dict(answer.headers)


def test_the_page_and_all_that_it_names_are_there(demo_shop: System) -> None:
    kind, page, headers = fetch(demo_shop, "/graphiql")
    assert (kind, headers["content-security-policy"]) == ("text/html; charset=utf-8", POLICY)
    named = re.findall(r'(?:src|href)="(/[^"]+)"', page.decode())
    assert {f"/graphiql/{name}" for name in FILES} - set(named) == {"/graphiql/index.html"}
    for path in named:
        kind, body, _ = fetch(demo_shop, path)
        assert (kind, bool(body)) == (FILES[path.rpartition("/")[2]], True)
        assert len(fetch(demo_shop, path, **{"Accept-Encoding": "gzip"})[1]) <= len(body) + 50


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert "http" not in POLICY
    for name in ("index.html", "page.css", "start.js"):
        assert "//" not in (FOLDER / name).read_text().replace("// The schema", "")


def test_other_paths_and_methods_are_not_the_pages(demo_shop: System) -> None:
    for path in ("/graphiql/../pages.py", "/graphiql/LICENSES.md", "/graphiql/none", "/graphiqlx"):
        assert demo_shop.ask(path)[0] == 404
    assert demo_shop.ask("/graphiql", {})[0] == 404


def test_it_is_not_deployed() -> None:
    assert "graphiql" not in (ROOT / "template.yaml").read_text()
    assert not list((ROOT / "functions").rglob("*graphiql*"))


def test_every_file_has_its_licence_told() -> None:
    told = (FOLDER / "LICENSES.md").read_text()
    assert [path.name for path in FOLDER.glob("*.gz") if path.name not in told] == []


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_without_a_network_shows_it(demo_shop: System, tmp_path: Path) -> None:
    url = f"{demo_shop.published['base_url']}/graphiql"
    run = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}",
         "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--virtual-time-budget=10000", "--dump-dom", url],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert "graphiql-execute-button" in run.stdout
    assert "Dearest" in run.stdout
