"""A request, free of API Gateway's shapes: what a route may ask of it."""

import json
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from sluice.errors import BadRequest

MAX_BODY_BYTES = 1024 * 1024

_POSITION = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", re.ASCII)


class JsonDecimal(Decimal):
    """A number that JSON wrote with a fraction or an exponent; `text` is how it was written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "JsonDecimal":
        number = super().__new__(cls, text)
        number.text = text
        return number


@dataclass(frozen=True, slots=True)
class Request:
    """Header names are lower-case; a parameter given twice arrives comma-joined, as API Gateway does it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    client_ip: str = ""  # the caller's
    client_id: str = ""  # whom the gate let in
    scopes: Collection[str] = ()  # with which it was
    id: str = ""  # as in the answer and the log
    claims: Mapping[str, Any] | None = None  # of a token that API Gateway's JWT authorizer verified

    @classmethod
    def from_event(cls, event: Mapping[str, Any], id: str = "") -> "Request":
        """Read an HTTP API event, payload format 2.0."""
        body = event.get("body") or ""
        return cls(
            method=event["requestContext"]["http"]["method"],
            path=event["rawPath"],
            query=event.get("queryStringParameters") or {},
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            body=b64decode(body)
            if event.get("isBase64Encoded")
            else body.encode("utf-8", "surrogatepass"),
            client_ip=event["requestContext"]["http"].get("sourceIp", ""),
            claims=event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims"),
            id=id,
        )

    def min_lsn(self) -> str:
        """The position in the database's log that what is read must have seen; empty where any will do. BadRequest."""
        position = self.headers.get("x-sluice-min-lsn", "")
        if position and not _POSITION.fullmatch(position):
            raise BadRequest(
                "X-Sluice-Min-LSN must be what the answer to a write had in its own, such as 0/16B3748"
            )
        return position


def read_json(text: str, what: str) -> Any:
    """What it says: numbers with a fraction as Decimal. BadRequest, of `what`."""
    if text.startswith("\ufeff"):
        raise BadRequest(f"{what} begins with a byte order mark; send it without one")
    try:
        return json.loads(
            text,
            parse_float=JsonDecimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_repetition,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"{what} is not JSON: {error.msg.lower()} at {where}") from None
    except RecursionError:
        raise BadRequest(f"{what} is nested too deeply") from None
    except (ValueError, ArithmeticError):  # int's and Decimal's own limits
        raise BadRequest(f"{what} holds a number of too many digits") from None


def _refuse_constant(name: str) -> NoReturn:
    raise BadRequest(f"The body is not JSON: {name} is not a number")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a field that stands twice, parsers disagree which one counts."""
    document = dict(pairs)
    if len(document) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise BadRequest(f"The body names the field {twice[:100]!r} twice")
    return document
