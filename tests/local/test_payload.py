"""Events in payload format 2.0, compared with those of SAM CLI's gateway."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.http1 import HttpRequest
from local.payload import build_event
from local.routes import RouteTable
from local.template import HttpApiRoute, read_template
from testing.environments import SAM_VENV

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


def local_event(
    method: str, target: str, headers: list[list[str]], body: str, *, content: bytes = b""
) -> dict[str, Any]:
    routes = RouteTable(
        HttpApiRoute(f"ANY {path}", "F")
        for path in ("/api/products", "/api/products/{id}", "/files/{proxy+}")
    )
    match = routes.match(method, target.partition("?")[0])
    assert match is not None
    fields = [(name.lower(), value) for name, value in [["host", "localhost"], *headers]]
    request = HttpRequest(method, target, "HTTP/1.1", fields, body.encode() or content)
    event = build_event(request, match, request_id="id", trace_id="Root=1-a-b;Sampled=0", port=3000)
    decoded: dict[str, Any] = json.loads(json.dumps(event))
    return decoded


@pytest.fixture(scope="module")
def sam_events(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    python = Path(os.environ.get("SLUICE_SAM_PYTHON", SAM_VENV / "bin/python"))
    if not python.exists():
        pytest.skip(
            "SAM CLI is not installed: make .venv-sam/.done, or set SLUICE_SAM_PYTHON to its Python"
        )
    template = tmp_path_factory.mktemp("sam") / "template.yaml"
    template.write_text(TEMPLATE)
    requests = [
        dict(zip(("method", "target", "headers", "body"), sent, strict=True))
        for sent in REQUESTS.values()
    ]
    done = subprocess.run(
        [python, Path(__file__).with_name("sam_events.py"), template],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=True,
        env={
            "SAM_CLI_TELEMETRY": "0",
            "HOME": str(template.parent),
            "AWS_DEFAULT_REGION": "us-east-1",
        },
    )
    return dict(zip(REQUESTS, json.loads(done.stdout), strict=True))


def in_common(event: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of an event that both gateways must agree on.

    It omits what is new in each request, and where SAM CLI differs from AWS: SAM CLI keeps the case
    of header names, joins values by comma and space, leaves cookies in the headers, sends null or
    an empty value for missing parts, and replaces ANY in a route key by the method.
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
def test_event_equals_that_of_sam_cli(sam_events: dict[str, dict[str, Any]], name: str) -> None:
    assert in_common(local_event(*REQUESTS[name])) == in_common(sam_events[name])


def test_missing_parts_are_absent() -> None:
    assert local_event(*REQUESTS["plain"]).keys() == {
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "headers",
        "requestContext",
        "isBase64Encoded",
    }


def test_cookies_and_repeated_headers() -> None:
    event = local_event(
        "GET", "/api/products", [["Cookie", "a=1; b=2"], ["X-Many", "a"], ["X-Many", "b"]], ""
    )
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-many"] == "a,b"


@pytest.mark.parametrize("sent", [[], [["X-Forwarded-For", "10.0.0.1"]]])
def test_client_address_is_appended(sent: list[list[str]]) -> None:
    before = [value for _, value in sent]
    assert local_event("GET", "/api/products", sent, "")["headers"]["x-forwarded-for"] == ", ".join(
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
def test_binary_body_is_base64(kind: str, content: bytes, is_base64: bool) -> None:
    event = local_event("POST", "/api/products", [["Content-Type", kind]], "", content=content)
    assert event["isBase64Encoded"] is is_base64
    assert "body" in event


def test_events_folder_matches_routes() -> None:
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
        expected = (event["routeKey"], event.get("pathParameters") or {})
        assert (match.route.key, match.path_parameters) == expected, file.name


ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"
