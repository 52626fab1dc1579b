"""Convert an HTTP request to a Lambda event, and the function's result to a response.

The events have API Gateway's payload format 2.0:

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.http1 import HttpRequest, HttpResponse
from local.intrinsics import ACCOUNT_ID
from local.invocation_result import InvocationResult
from local.routes import RouteMatch

API_ID = "localapi00"
DOMAIN = "localhost"
TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")
# Headers of a single connection, which the gateway does not pass on in either direction.
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "expect"}
)
INTERNAL_ERROR = HttpResponse.message(500, "Internal Server Error")


class _Malformed(Exception):
    """The function's result is not a valid response."""


def build_event(
    request: HttpRequest, match: RouteMatch, *, request_id: str, trace_id: str, port: int
) -> dict[str, Any]:
    """Return the event for `request`. Parts that the request does not have are absent, not null."""
    raw_path, _, raw_query = request.target.partition("?")
    path = unquote(raw_path)
    body, is_base64 = _body(request)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": path,
        "rawQueryString": raw_query,
        "headers": _headers(request, trace_id=trace_id, port=port),
        "requestContext": _request_context(request, match.route.key, path, request_id),
        "isBase64Encoded": is_base64,
    }
    cookies = [cookie.strip() for cookie in request.header("cookie").split(";") if cookie.strip()]
    if cookies:
        event["cookies"] = cookies
    if raw_query:
        event["queryStringParameters"] = _joined(parse_qsl(raw_query, keep_blank_values=True))
    if match.path_parameters:
        event["pathParameters"] = match.path_parameters
    if body:
        event["body"] = body
    return event


def _request_context(
    request: HttpRequest, route_key: str, path: str, request_id: str
) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": DOMAIN,
        "domainPrefix": DOMAIN,
        "http": {
            "method": request.method,
            "path": path,
            "protocol": request.version,
            "sourceIp": request.peer,
            "userAgent": request.header("user-agent"),
        },
        "requestId": request_id,
        "routeKey": route_key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }


def new_request_id() -> str:
    """Return a request id in API Gateway's format, for the header `apigw-requestid`."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def build_response(result: InvocationResult) -> HttpResponse:
    """Return the response for a function's result.

    If the function failed or its result is malformed, it is a 500 without details.
    """
    if result.error is not None:
        return INTERNAL_ERROR
    try:
        returned = json.loads(result.payload)
        if isinstance(returned, dict) and "statusCode" in returned:
            return _proxy_response(returned)
    except (ValueError, _Malformed):
        return INTERNAL_ERROR
    body = returned
    if not isinstance(returned, str):
        body = json.dumps(returned, separators=(",", ":"), ensure_ascii=False)
    return HttpResponse(200, [("content-type", "application/json")], body.encode())


def _headers(request: HttpRequest, *, trace_id: str, port: int) -> dict[str, str]:
    headers = _joined(
        (name, value)
        for name, value in request.headers
        if name not in HOP_BY_HOP and name != "cookie"
    )
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{forwarded}, {request.peer}" if forwarded else request.peer
    headers["x-forwarded-port"] = str(port)
    headers["x-forwarded-proto"] = "http"
    headers.setdefault("x-amzn-trace-id", trace_id.partition(";")[0])
    headers["content-length"] = str(len(request.body))
    return headers


def _joined(pairs: Any) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(request: HttpRequest) -> tuple[str, bool]:
    """Return the body, and whether it is base64.

    A body that is declared as text and is valid UTF-8 is passed as text.
    """
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if (kind.startswith(TEXT_TYPES) or kind.endswith(("+json", "+xml"))) and not request.header(
        "content-encoding"
    ):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:  # the function gets the bytes and rejects them itself
            return base64.b64encode(request.body).decode(), True
    return base64.b64encode(request.body).decode(), bool(request.body)


def _proxy_response(returned: dict[str, Any]) -> HttpResponse:
    status = returned["statusCode"]
    body = returned.get("body")
    headers = returned.get("headers") or {}
    if isinstance(status, bool) or not str(status).isdigit() or not 100 <= int(status) <= 599:
        raise _Malformed
    if not isinstance(headers, dict) or not isinstance(body, str | None):
        raise _Malformed
    fields = []
    for name, value in headers.items():
        if isinstance(value, dict | list) or value is None or _breaks_line(f"{name}{value}"):
            raise _Malformed
        if name.lower() not in HOP_BY_HOP | {"content-length", "date"}:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            fields.append((name.lower(), text))
    cookies = returned.get("cookies") or []
    if not isinstance(cookies, list) or any(_breaks_line(str(cookie)) for cookie in cookies):
        raise _Malformed
    fields += [("set-cookie", str(cookie)) for cookie in cookies]
    if body and all(name != "content-type" for name, _ in fields):
        fields.append(("content-type", "text/plain;charset=UTF-8"))
    return HttpResponse(int(status), fields, _decoded(body or "", returned.get("isBase64Encoded")))


def _decoded(body: str, is_base64: Any) -> bytes:
    if is_base64 is not True:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise _Malformed from error


def _breaks_line(text: str) -> bool:
    return "\r" in text or "\n" in text
