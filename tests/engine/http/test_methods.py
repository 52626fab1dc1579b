"""HTTP methods, request ids and 404, 405 and 406."""

import pytest

from tests.fixtures.paths import BODY_ROUTES
from tests.fixtures.sample import Library


def test_head_has_the_etag(library: Library) -> None:
    path = f"/api/books/{library.add_book('Mug')}"
    head = library.call("HEAD", path)
    assert (head.status, head.headers["ETag"]) == (200, library.get(path).headers["ETag"])


def test_method_in_lower_case_is_the_same(library: Library) -> None:
    """The function fetch of browsers sends `patch` as it is written."""
    path = f"/api/books/{library.add_book('Mug')}"
    etag = library.get(path).headers["ETag"]
    cached = library.call("get", path, if_none_match=etag)
    assert (cached.status, cached.headers["Cache-Control"]) == (304, "private, no-cache")
    assert library.call("patch", path, {"name": "Jug"}, if_match=etag).status == 200
    mutation = {"query": 'mutation { deleteShelf(id: "0") }'}
    assert "errors" not in library.call("post", "/api/graphql", mutation).json


@pytest.mark.parametrize(
    "path", ["/api/books", "/api/books/1", "/health", "/nothing", "/api/books/x"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
def test_each_response_has_its_request_id(library: Library, method: str, path: str) -> None:
    ids = {library.call(method, path).headers["X-Request-Id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(ids)


ACCEPT_HEADERS = (
    "*/*",
    "application/*",
    "application/json",
    "APPLICATION/JSON",
    "",
    "text/html, application/json;q=0.5",
    "text/html;q=1, */*;q=0.1",
)


@pytest.mark.parametrize("accept", ACCEPT_HEADERS)
def test_accept_that_allows_json_is_200(library: Library, accept: str) -> None:
    assert library.get("/api/books", accept=accept).status == 200


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/problem+json",
        "*/*, application/json;q=0",
        "application/json;q=0",
        "*/*; q=0.000",
        "x",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/books"), ("GET", "/api/books/1"), *BODY_ROUTES]
)
def test_accept_without_json_is_406(library: Library, method: str, path: str, accept: str) -> None:
    response = library.call(method, path, None if method == "GET" else {}, accept=accept)
    assert (response.status, response.code) == (406, "not_acceptable")


def test_empty_response_ignores_accept(library: Library) -> None:
    assert library.delete(f"/api/books/{library.add_book('Mug')}", accept="text/html").status == 204
