"""/openapi.json and /docs: public, complete, and without files from other hosts."""

import gzip
import json
import re
from base64 import b64decode

import pytest

from functions.docs.handler import handler as docs
from tests.fixtures.sample import Library
from tests.fixtures.template import ROOT

FILES = {
    "/openapi.json": "application/json",
    "/docs": "text/html; charset=utf-8",
    "/reference": "text/html; charset=utf-8",
    "/docs/start.js": "text/javascript; charset=utf-8",
    "/docs/reference.js": "text/javascript; charset=utf-8",
    "/docs/rapidoc.js": "text/javascript; charset=utf-8",
    "/docs/page.css": "text/css; charset=utf-8",
    "/docs/swagger-ui.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui.css": "text/css; charset=utf-8",
}
each_file = pytest.mark.parametrize("path", FILES)


@each_file
def test_file_is_public_and_may_be_gzipped(library: Library, path: str) -> None:
    plain = library.get(path)
    packed = library.get(path, accept_encoding="br, gzip")

    assert (plain.status, packed.status) == (200, 200)
    assert plain.headers["Content-Type"] == packed.headers["Content-Type"] == FILES[path]
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(b64decode(packed.text)).decode() == plain.text
    assert len(packed.text) < 1_000_000
    assert (
        library.call("HEAD", path).text == plain.text
    )  # the gateway computes Content-Length from it


@each_file
def test_file_allows_only_get(library: Library, path: str) -> None:
    assert library.call("POST", path).headers["Allow"] == "GET, HEAD, OPTIONS"


def test_openapi_json_is_the_committed_file(library: Library) -> None:
    assert library.get("/openapi.json").text == (ROOT / "openapi.json").read_text()
    response = library.get("/openapi.json", origin="https://elsewhere.example")
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/docs", "/reference"])
def test_page_loads_only_local_files(library: Library, path: str) -> None:
    page = library.get(path)
    loaded = re.findall(r'(?:href|src)="([^"]+)"', page.text)

    assert {library.get(f"/{path}").status for path in loaded if not path.startswith("data:")} == {
        200
    }
    assert page.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; script-src 'self';"
    )
    assert "openapi.json" in library.get("/docs/start.js").text
    assert "openapi.json" in library.get("/docs/reference.js").text


def test_deployed_page_names_no_local_page_or_key(library: Library) -> None:
    for path in ("/docs", "/reference"):
        page = library.get(path).text
        assert {"docs", "reference", "openapi.json"} <= {*re.findall('href="([^"]+)"', page)}
        assert not re.search("graphiql|console|local-", page)


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/docs", "/reference"])
def test_routes_without_database_have_none_of_its_errors(library: Library, path: str) -> None:
    responses = json.loads(library.get("/openapi.json").text)["paths"][path]["get"]["responses"]
    assert not {"401", "429", "503", "504"} & {*responses}


def test_openapi_lists_every_route_and_no_other(library: Library) -> None:
    documented = set(json.loads(library.get("/openapi.json").text)["paths"])

    assert documented >= {
        "/api/graphql",
        "/api/imports",
        "/health",
        "/health/ready",
        "/openapi.json",
        "/docs",
        "/reference",
    }
    assert {route.path for route in docs.routes} - documented == set(FILES) - {
        "/openapi.json",
        "/docs",
        "/reference",
    }
