"""Content negotiation by the headers Accept and Accept-Encoding."""

import pytest

from sluice.http.accept import accepts_gzip, choose
from tests.fixtures.cpu_time import least_cpu_seconds

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"

ACCEPTED = (
    "",
    " ",
    ",",
    "*/*",
    "application/*",
    JSON,
    "APPLICATION/JSON",
    "text/html, application/json;q=0.5",
    "text/html;q=1, */*;q=0.1",
    "application/json;q=0.001",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json;q=1;ext=1",
    "application/json;version=1",
    "*/*;q=0.000, application/json",
    "application/json, application/json;q=0",
    "text/html;level=1, application/json",
    "application/json;q=.5",
    "application/json;q=0.12345",
    "*/*, application/json;q=high",
    "application/json ; q = 0.5",
    "application/json;version=2;q=0, application/json",
    "*, application/json",
    "x, */*",
    'text/html;a=";, b", */*',
    'text/html;a="\\", */*", application/json',
    "application/json;charset=latin-1, */*;q=0.1",
    "application/json;charset=*",
)
REJECTED = (
    "text/html",
    "application/xml",
    "text/*",
    "application/json;q=0",
    "application/json;q=0.000",
    "*/*; q=0.000",
    "x",
    "application/json;q=high",
    "application/json;q=7",
    "*/*;q=",
    "*/*;q=-1",
    "*/*;q=nan",
    "*/*, application/json;q=0",
    "application/*;q=0, */*",
    "application/json;q=0, application/*, */*",
    "application/problem+json",
    "application/*+json",
    "*/json",
    "application/json;charset=latin-1",
    "application/json;Q=0",
    "application/json;version=1;q=0",
    "application/",
    "/json",
    'text/html;a=", application/json',
    "*/*;q=0, text/html;q=1",
    "application/json;charset=utf-8;q=0, application/json;q=0",
)


@pytest.mark.parametrize("accept", ACCEPTED)
def test_json_is_accepted(accept: str) -> None:
    assert choose(accept, (JSON,), JSON) == JSON


@pytest.mark.parametrize("accept", REJECTED)
def test_json_is_not_accepted(accept: str) -> None:
    assert choose(accept, (JSON,), JSON) is None


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0.4, {JSON};q=0.5", JSON),
        (f"{GRAPHQL}, */*", GRAPHQL),
        (f"{JSON}, */*", JSON),
        (f"{GRAPHQL};q=0.5, */*", JSON),
        (f"{JSON};q=0, */*", GRAPHQL),
        (f"{JSON};q=0, application/*;q=0.1", GRAPHQL),
        (f"{GRAPHQL};q=0, */*", JSON),
        (f"{GRAPHQL};charset=utf-8", GRAPHQL),
        (f"{GRAPHQL};q=0, {JSON};q=0, */*", None),
        (f"text/html, {GRAPHQL};q=0.1", GRAPHQL),
    ],
)
def test_preferred_offer_is_chosen(accept: str, chosen: str | None) -> None:
    assert choose(accept, (GRAPHQL, JSON), JSON) == chosen


@pytest.mark.parametrize("piece", ['"', "\\", '\\"', ";", ",", "a/b;", '";"', "q=0,", " "])
def test_long_header_is_parsed_quickly(piece: str) -> None:
    accept = f"text/html;x={piece * (10_000 // len(piece))}"
    assert least_cpu_seconds(lambda: choose(accept, (GRAPHQL, JSON), JSON)) < 0.5


@pytest.mark.parametrize(
    "header",
    ["gzip", "GZip", "br, gzip", "gzip ; q=0.1", "*", "gzip;q=1, *;q=0", "br;q=1.0,gzip;q=0.001"],
)
def test_gzip_is_accepted(header: str) -> None:
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header",
    ["", "br", "gzip;q=0", "gzip; Q=0.000", "*;q=0", "gzip;q=0, *", "gzip;q=high", "gzipped"],
)
def test_gzip_is_not_accepted(header: str) -> None:
    assert not accepts_gzip(header)
