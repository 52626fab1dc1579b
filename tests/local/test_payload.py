"""Events of payload format 2.0, checked against those of SAM CLI's own gateway, and what the two do differently."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.http1 import Request
from local.payload import build_event
from local.routes import RouteTable
from local.template import Route, read_template

ROOT = Path(__file__).parents[2]
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  EchoFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: handler.handler
      Runtime: python3.13
      Events:
        Collection: {Type: HttpApi, Properties: {Method: ANY, Path: /api/products}}
        Item: {Type: HttpApi, Properties: {Method: ANY, Path: "/api/products/{id}"}}
        Files: {Type: HttpApi, Properties: {Method: ANY, Path: "/files/{proxy+}"}}
"""
JSON_TYPE = ["Content-Type", "application/json"]
REQUESTS: dict[str, tuple[str, str, list[list[str]], str]] = {
    "plain": ("GET", "/api/products", [], ""),
    "query": ("GET", "/api/products?sort=price:desc,name:asc&limit=5", [], ""),
    "repeated in the query": (
        "GET",
        "/api/products?ids=1&ids=2&search=a+b%2Bc&empty=&bare",
        [],
        "",
    ),
    "beyond ASCII in the query": ("GET", "/api/products?search=caf%C3%A9&%C3%BC=1", [], ""),
    "path parameter": ("GET", "/api/products/17", [], ""),
    "encoded path parameter": ("DELETE", "/api/products/a%20b%C3%A9", [], ""),
    "greedy path parameter": ("PUT", "/files/2026/a.csv", [], ""),
    "headers": (
        "GET",
        "/api/products",
        [["X-API-Key", "k"], ["If-None-Match", '"1"'], ["X-Many", "a"], ["X-Many", "b"]],
        "",
    ),
    "cookies": ("GET", "/api/products", [["Cookie", "a=1; b=2"]], ""),
    "JSON body": ("POST", "/api/products", [JSON_TYPE], '{"name": "Käse", "price": "1.00"}'),
    "merge patch": (
        "PATCH",
        "/api/products/1",
        [["Content-Type", "application/merge-patch+json"]],
        '{"price": 2}',
    ),
    "text body": (
        "POST",
        "/api/products",
        [["Content-Type", "text/plain; charset=utf-8"]],
        "not JSON",
    ),
    "head": ("HEAD", "/api/products", [], ""),
}


def ours(
    method: str, target: str, headers: list[list[str]], body: str, *, content: bytes = b""
) -> dict[str, Any]:
    routes = RouteTable(
        Route(f"ANY {path}", "F")
        for path in ("/api/products", "/api/products/{id}", "/files/{proxy+}")
    )
    match = routes.match(method, target.partition("?")[0])
    assert match is not None
    fields = [(name.lower(), value) for name, value in [["host", "localhost"], *headers]]
    request = Request(method, target, "HTTP/1.1", fields, body.encode() or content)
    event = build_event(request, match, request_id="id", trace_id="Root=1-a-b;Sampled=0", port=3000)
    decoded: dict[str, Any] = json.loads(json.dumps(event))
    return decoded


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    python = Path(os.environ.get("SLUICE_SAM_PYTHON", ROOT / ".venv-sam/bin/python"))
    if not python.exists():
        pytest.skip(
            "SAM CLI is not installed: make .venv-sam/.done, or name its Python in SLUICE_SAM_PYTHON"
        )
    template = tmp_path_factory.mktemp("sam") / "template.yaml"
    template.write_text(TEMPLATE)
    asked = [
        dict(zip(("method", "target", "headers", "body"), sent, strict=True))
        for sent in REQUESTS.values()
    ]
    told = subprocess.run(
        [python, Path(__file__).with_name("sam_events.py"), template],
        input=json.dumps(asked), capture_output=True, text=True, check=True,
        env={"SAM_CLI_TELEMETRY": "0", "HOME": str(template.parent), "AWS_DEFAULT_REGION": "us-east-1"},
    )  # fmt: skip
    return dict(zip(REQUESTS, json.loads(told.stdout), strict=True))


def in_common(event: dict[str, Any]) -> dict[str, Any]:
    """What both gateways mean alike. Left out is what is new in each request, and where SAM CLI differs from AWS:

    it keeps names of headers as sent, joins by comma and space, leaves cookies among the headers, sends null or
    an empty value for what is absent, and names the method in the route's key where the route says ANY.
    """
    known = {
        name.lower(): value.replace(", ", ",")
        for name, value in event["headers"].items()
        if name.lower()
        not in ("cookie", "user-agent", "x-forwarded-for", "x-amzn-trace-id", "content-length")
    }
    context = {
        key: value
        for key, value in event["requestContext"].items()
        if key in ("accountId", "stage", "domainName")
    }
    http = {
        key: value for key, value in event["requestContext"]["http"].items() if key != "userAgent"
    }
    same = ("version", "rawPath", "rawQueryString", "isBase64Encoded")
    return {
        **{key: event[key] for key in same},
        "route": event["routeKey"].partition(" ")[2],
        "headers": known,
        "context": context,
        "http": http,
        **{
            key: event.get(key) or None
            for key in ("cookies", "queryStringParameters", "pathParameters", "body")
        },
    }


@pytest.mark.parametrize("name", REQUESTS)
def test_an_event_is_what_sam_cli_makes_of_the_same_request(
    theirs: dict[str, dict[str, Any]], name: str
) -> None:
    assert in_common(ours(*REQUESTS[name])) == in_common(theirs[name])


def test_what_a_request_does_not_have_is_absent() -> None:
    assert ours(*REQUESTS["plain"]).keys() == {
        "version", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext", "isBase64Encoded",
    }  # fmt: skip


def test_cookies_are_taken_out_of_the_headers_and_repeated_headers_are_joined() -> None:
    event = ours(
        "GET", "/api/products", [["Cookie", "a=1; b=2"], ["X-Many", "a"], ["X-Many", "b"]], ""
    )
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-many"] == "a,b"


@pytest.mark.parametrize("sent", [[], [["X-Forwarded-For", "10.0.0.1"]]])
def test_the_clients_address_is_added_to_those_before_it(sent: list[list[str]]) -> None:
    before = [value for _, value in sent]
    assert ours("GET", "/api/products", sent, "")["headers"]["x-forwarded-for"] == ", ".join(
        [*before, "127.0.0.1"]
    )


@pytest.mark.parametrize(
    ("kind", "content", "is_base64"),
    [
        ("application/json", b'{"a": 1}', False),
        ("application/json", b"\xff", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("application/octet-stream", b"a", True),
        ("text/csv", "ä".encode(), False),
    ],
)
def test_a_body_that_is_not_text_is_in_base64(kind: str, content: bytes, is_base64: bool) -> None:
    event = ours("POST", "/api/products", [["Content-Type", kind]], "", content=content)
    assert event["isBase64Encoded"] is is_base64
    assert "body" in event


def test_the_examples_in_events_have_the_same_shape() -> None:
    template = read_template(
        ROOT / "template.yaml",
        parameters={
            "DbHost": "h",
            "DbName": "n",
            "DbOwnerUser": "o",
            "DbSecretArn": ARN,
            "DbOwnerSecretArn": ARN,
        },
        secret=str,
    )
    routes = RouteTable(template.routes)
    for file in (ROOT / "events").glob("*.json"):
        event = json.loads(file.read_text())
        if event.get("version") != "2.0":
            continue
        match = routes.match(event["requestContext"]["http"]["method"], event["rawPath"])
        assert match is not None, file.name
        assert (match.route.key, match.path_parameters) == (
            event["routeKey"],
            event.get("pathParameters") or {},
        ), file.name


ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"
