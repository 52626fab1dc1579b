"""Request bodies: media types, gzip, size limits and empty bodies."""

import gzip
import json
import os

import pytest

from tests.fixtures.paths import BODY_ROUTES
from tests.fixtures.sample import Library

each_body_route = pytest.mark.parametrize(("method", "path"), BODY_ROUTES)


OTHER_MEDIA_TYPES = (
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "",
    "json",
    "text/json",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/*+json",
    "application/json-patch+json",
    "application/vnd.api+json",
    "application/problem+json",
    "application/ld+json",
    "application/json, application/json",
    "application/json;charset=",
    "application/json; charset=latin-1",
    "application/json ; charset = utf-16",
)


@each_body_route
@pytest.mark.parametrize("content_type", OTHER_MEDIA_TYPES)
def test_body_of_other_media_type_is_415(
    library: Library, method: str, path: str, content_type: str
) -> None:
    response = library.call(method, path, {}, content_type=content_type)
    assert (response.status, response.code) == (415, "unsupported_media_type")
    header = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}.get(method, "Accept")
    assert "application/json" in response.headers[header]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;",
        "application/json; version=1",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; charset = utf8",
    ],
)
def test_json_media_type_variants_are_accepted(library: Library, content_type: str) -> None:
    shelf = {"name": "Mugs", "slug": "mugs"}
    response = library.call("POST", "/api/shelves", shelf, content_type=content_type)
    assert response.status == 201


@each_body_route
def test_merge_patch_is_accepted_for_patch(library: Library, method: str, path: str) -> None:
    accepts_merge_patch = method == "PATCH" and "copies" not in path
    response = library.call(method, path, {"x": 1}, content_type="application/merge-patch+json")
    assert response.status == (422 if accepts_merge_patch else 415)
    if method in ("POST", "PATCH"):
        accepted = library.call("OPTIONS", path).headers[f"Accept-{method.title()}"]
        merge_patch = ", application/merge-patch+json" if accepts_merge_patch else ""
        assert accepted == f"application/json{merge_patch}"


def gzip_json(body: object, **options: int) -> bytes:
    return gzip.compress(json.dumps(body).encode(), **options)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "identity, gzip", "gzip ,identity"])
def test_gzip_body_is_decompressed(library: Library, coding: str) -> None:
    raw = gzip_json({"name": "Mugs", "slug": "mugs"})
    assert library.call("POST", "/api/shelves", raw=raw, content_encoding=coding).status == 201
    parts = gzip.compress(b'{"query": ') + gzip.compress(b'"{__typename}"}')
    assert library.call("POST", "/api/graphql", raw=parts, content_encoding=coding).json["data"]


def test_identity_coding_is_accepted(library: Library) -> None:
    for number, coding in enumerate(("identity", "", "Identity, identity")):
        shelf = {"name": "Mugs", "slug": f"mugs-{number}"}
        response = library.call("POST", "/api/shelves", shelf, content_encoding=coding)
        assert response.status == 201


@pytest.mark.parametrize(
    "path", ["/api/books", "/api/graphql", "/api/analytics/query", "/api/imports"]
)
@pytest.mark.parametrize(
    "coding", ["br", "zstd", "deflate", "compress", "gzip, gzip", "br, gzip", "gzip;q=1", "utf-8"]
)
def test_other_content_coding_is_415(library: Library, coding: str, path: str) -> None:
    response = library.call("POST", path, {}, content_encoding=coding)
    assert (response.status, response.code) == (415, "unsupported_media_type")
    assert response.headers["Accept-Encoding"] == "gzip, identity"


@each_body_route
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (gzip.compress(b"{}")[:-4], 400),
        (b"{}", 400),
        (b"", 400),
        (gzip.compress(b"{}") + b"rest", 400),
        (gzip.compress(b"") * 200, 400),
        (gzip.compress(b" " * 2**20 + b"{}"), 413),
        (gzip.compress(b" " * 2**26), 413),
        (os.urandom(2**20 + 1), 413),
        (gzip.compress(b'{"x":1}'), 422),
    ],
    ids=["cut", "plain", "empty", "trailed", "members", "over", "bomb", "long", "good"],
)
def test_gzip_body_is_bounded(
    library: Library, method: str, path: str, raw: bytes, status: int
) -> None:
    assert library.call(method, path, raw=raw, content_encoding="gzip").status == status


def test_recompressed_body_is_the_same_request(library: Library) -> None:
    for level in (1, 9):
        response = library.call(
            "POST",
            "/api/shelves",
            raw=gzip_json({"name": "Mugs", "slug": "mugs"}, compresslevel=level, mtime=level),
            content_encoding="gzip",
            idempotency_key="k",
        )
        assert response.status == 201
    assert response.headers["Idempotency-Replayed"] == "true"


@each_body_route
def test_body_over_1_mib_is_413(library: Library, method: str, path: str) -> None:
    for size, status in ((2**20, 422), (2**20 + 1, 413)):
        raw = b'{"colour": "' + b"x" * (size - 14) + b'"}'
        assert len(raw) == size
        assert library.call(method, path, raw=raw).status == status


@each_body_route
def test_missing_body_is_415_and_empty_body_400(library: Library, method: str, path: str) -> None:
    assert library.call(method, path).status == 415
    response = library.call(method, path, raw=b"")
    assert (response.status, response.code) == (400, "invalid_request")


def test_byte_order_mark_is_named_in_the_error(library: Library) -> None:
    response = library.call(
        "POST", "/api/shelves", raw="\ufeff{}".encode(), content_type="application/json"
    )
    detail = "The body begins with a byte order mark; send it without one"
    assert (response.status, response.json["detail"]) == (400, detail)
