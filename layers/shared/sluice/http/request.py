"""The HTTP request as routes see it, independent of API Gateway's event format."""

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, NoReturn
from urllib.parse import parse_qsl

from sluice.errors import BadRequest, InsufficientScope
from sluice.request_context import RequestContext


class JsonDecimal(Decimal):
    """A JSON number with a fraction or an exponent. `text` is the number as it was written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "JsonDecimal":
        number = super().__new__(cls, text)
        number.text = text
        return number


class Request(NamedTuple):
    """An HTTP request.

    The method is in upper case, and header names are in lower case. In `query`, commas join the
    values of a repeated parameter, as in API Gateway's event. `pairs` has each parameter as it was
    sent.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    client_ip: str = ""
    client_id: str = ""  # of the authenticated client
    scopes: Collection[str] = ()  # of the authenticated client
    tenants: Collection[str] = ()  # that its credentials list
    id: str = ""  # as in the response and the log
    # Of a token that API Gateway's JWT authorizer has verified.
    claims: Mapping[str, Any] | None = None
    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_event(cls, event: Mapping[str, Any], id: str = "") -> "Request":
        """Create a request from an HTTP API event in payload format 2.0."""
        text = event.get("body") or ""
        is_base64 = event.get("isBase64Encoded")
        query: Mapping[str, str] = event.get("queryStringParameters") or {}
        raw_query = event.get("rawQueryString")
        # API Gateway joins the values of a repeated parameter with commas.
        may_repeat = raw_query and any("," in text for text in query.values())
        pairs = parse_qsl(raw_query, keep_blank_values=True) if may_repeat else query.items()
        body = b64decode(text) if is_base64 else text.encode("utf-8", "surrogatepass")
        return cls(
            method=event["requestContext"]["http"]["method"].upper(),
            path=event["rawPath"],
            query=query,
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            body=body,
            client_ip=event["requestContext"]["http"].get("sourceIp", ""),
            claims=event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims"),
            id=id,
            pairs=tuple(pairs),
        )

    @property
    def repeated(self) -> dict[str, list[str]]:
        """The values of each parameter that was sent more than once."""
        if len(self.pairs) == len(self.query):
            return {}
        texts: dict[str, list[str]] = {}
        for name, text in self.pairs:
            texts.setdefault(name, []).append(text)
        return {name: values for name, values in texts.items() if len(values) > 1}


NO_REQUEST = Request("", "", {}, {}, b"")


def request_of(context: RequestContext) -> Request:
    """Return the request of a context, or NO_REQUEST if it has none."""
    return context.request or NO_REQUEST


def require_scope(request: Request, scope: str) -> None:
    """Raise InsufficientScope if the client does not have the scope."""
    if scope not in request.scopes:
        raise InsufficientScope(scope)


def read_json(text: str, what: str) -> Any:
    """Parse JSON, with fractions as Decimal. Raise BadRequest with `what` as the subject."""
    if text.startswith("\ufeff"):
        raise BadRequest(f"{what} begins with a byte order mark; send it without one")
    try:
        return json.loads(
            text,
            parse_float=JsonDecimal,
            parse_constant=partial(_reject_constant, what),
            object_pairs_hook=partial(_reject_repeated_names, what),
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"{what} is not JSON: {error.msg.lower()} at {where}") from None
    except RecursionError:
        raise BadRequest(f"{what} is nested too deeply") from None
    except (ValueError, ArithmeticError):  # limits of int and Decimal
        raise BadRequest(f"{what} contains a number with too many digits") from None


def _reject_constant(what: str, name: str) -> NoReturn:
    raise BadRequest(f"{what} is not JSON: {name} is not a number")


def _reject_repeated_names(what: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Parsers disagree on which value of a repeated name counts.
    document = dict(pairs)
    if len(document) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise BadRequest(f"{what} has the field {twice[:100]!r} twice")
    return document
