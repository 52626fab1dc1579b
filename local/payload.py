"""What does a function get for a request, and what does the client get for its answer? Payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.http1 import Request, Response
from local.intrinsics import ACCOUNT_ID
from local.invocation_result import InvocationResult
from local.routes import Match

API_ID = "localapi00"
DOMAIN = "localhost"
TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")
# The gateway's own to set, in either direction.
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "expect"}
)
INTERNAL_ERROR = Response.message(500, "Internal Server Error")


class _Malformed(Exception):
    """The function's answer is not one the gateway can send."""


def build_event(
    request: Request, match: Match, *, request_id: str, trace_id: str, port: int
) -> dict[str, Any]:
    """The event for `request`. What a request does not have is absent, not null."""
    raw_path, _, raw_query = request.target.partition("?")
    path = unquote(raw_path)
    now = time.time()
    body, is_base64 = _body(request)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": path,
        "rawQueryString": raw_query,
        "headers": _headers(request, trace_id=trace_id, port=port),
        "requestContext": {
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
            "routeKey": match.route.key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
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


def new_request_id() -> str:
    """In the form of the gateway's own: it is the `apigw-requestid` of the answer."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def build_response(outcome: InvocationResult) -> Response:
    """The answer for what a function returned; a 500 that tells nothing where it failed or returned nonsense."""
    if outcome.error is not None:
        return INTERNAL_ERROR
    try:
        answer = json.loads(outcome.payload)
        if isinstance(answer, dict) and "statusCode" in answer:
            return _explicit(answer)
    except (ValueError, _Malformed):
        return INTERNAL_ERROR
    body = (
        answer
        if isinstance(answer, str)
        else json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
    )
    return Response(200, [("content-type", "application/json")], body.encode())


def _headers(request: Request, *, trace_id: str, port: int) -> dict[str, str]:
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


def _body(request: Request) -> tuple[str, bool]:
    """As text where it is declared to be text and is UTF-8, else in base64."""
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if (kind.startswith(TEXT_TYPES) or kind.endswith(("+json", "+xml"))) and not request.header(
        "content-encoding"
    ):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:  # the function gets the bytes, and says what it thinks of them
            return base64.b64encode(request.body).decode(), True
    return base64.b64encode(request.body).decode(), bool(request.body)


def _explicit(answer: dict[str, Any]) -> Response:
    status, body, headers = answer["statusCode"], answer.get("body"), answer.get("headers") or {}
    if isinstance(status, bool) or not str(status).isdigit() or not 100 <= int(status) <= 599:
        raise _Malformed
    if not isinstance(headers, dict) or not isinstance(body, str | None):
        raise _Malformed
    fields = []
    for name, value in headers.items():
        if isinstance(value, dict | list) or value is None or _breaks_line(f"{name}{value}"):
            raise _Malformed
        if name.lower() not in HOP_BY_HOP | {"content-length", "date"}:
            fields.append(
                (name.lower(), str(value).lower() if isinstance(value, bool) else str(value))
            )
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list) or any(_breaks_line(str(cookie)) for cookie in cookies):
        raise _Malformed
    fields += [("set-cookie", str(cookie)) for cookie in cookies]
    if body and all(name != "content-type" for name, _ in fields):
        fields.append(("content-type", "text/plain;charset=UTF-8"))
    return Response(int(status), fields, _decoded(body or "", answer.get("isBase64Encoded")))


def _decoded(body: str, is_base64: Any) -> bytes:
    if is_base64 is not True:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise _Malformed from error


def _breaks_line(text: str) -> bool:
    return "\r" in text or "\n" in text
