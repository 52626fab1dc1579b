"""Typed errors: one class for each status, from the problem document (RFC 9457) of the response."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx


class ClientError(Exception):
    """A call failed.

    maybe_applied: an attempt of this call may have changed data, although the call failed. Read the
        row before you decide whether to send the change again.
    """

    maybe_applied: bool = False


class NoResponseError(ClientError):
    """The connection failed, or no complete response came in time. `__cause__` has the reason."""


@dataclass(frozen=True, slots=True)
class InvalidValue:
    """An entry of a problem's `errors`: `pointer` is in the body, `parameter` in the URL."""

    code: str
    message: str
    pointer: str | None = None
    parameter: str | None = None


@dataclass(frozen=True, slots=True)
class ProblemDetails:
    """A problem document. `code` is stable; `extensions` has the other members, such as `cost`."""

    status: int
    code: str
    title: str
    detail: str
    request_id: str | None = None
    errors: tuple[InvalidValue, ...] = ()
    extensions: dict[str, Any] = field(default_factory=dict)


class StatusError(ClientError):
    """The response has a status of 300 or more. Its subclasses are for one status each."""

    def __init__(
        self, problem: ProblemDetails, response: httpx.Response, *, maybe_applied: bool
    ) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.problem = problem
        self.response = response
        self.maybe_applied = maybe_applied

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def code(self) -> str:
        """The stable code, such as `out_of_stock`."""
        return self.problem.code

    @property
    def request_id(self) -> str | None:
        """The id to give to the operator."""
        return self.problem.request_id


class NotModifiedError(StatusError):
    """304: the row still has the ETag that `if_none_match` names."""


class BadRequestError(StatusError):
    """400: a parameter, a cursor or the JSON is invalid."""


class AuthenticationError(StatusError):
    """401: the key or token is missing or invalid."""


class PermissionDeniedError(StatusError):
    """403: the scope or the tenant is missing."""


class NotFoundError(StatusError):
    """404: no such row or path."""


class ConflictError(StatusError):
    """409: the state of the data forbids it; see `code`."""


class PreconditionFailedError(StatusError):
    """412: the row has another version than `if_match` names."""


class UnprocessableError(StatusError):
    """422: values in the body are invalid; `problem.errors` has all of them."""


class RateLimitError(StatusError):
    """429: the quota is used up."""


class ServerError(StatusError):
    """500 and more."""


class UnavailableError(ServerError):
    """503: try again later."""


class GatewayTimeoutError(ServerError):
    """504: the statement took too long."""


BY_STATUS: dict[int, type[StatusError]] = {
    304: NotModifiedError,
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    422: UnprocessableError,
    429: RateLimitError,
    503: UnavailableError,
    504: GatewayTimeoutError,
}
MEMBERS = ("type", "status", "code", "title", "detail", "request_id", "errors")


def problem_of(response: httpx.Response) -> ProblemDetails:
    """Return the problem document; that of a proxy's response has the code `unknown`."""
    document = _document(response)
    reason = response.reason_phrase
    return ProblemDetails(
        status=response.status_code,
        code=str(document.get("code", "unknown")),
        title=str(document.get("title", reason)),
        detail=str(document.get("detail", document.get("message", reason))),
        request_id=document.get("request_id") or response.headers.get("X-Request-Id"),
        errors=tuple(
            InvalidValue(each["code"], each["message"], each.get("pointer"), each.get("parameter"))
            for each in document.get("errors", ())
        ),
        extensions={name: value for name, value in document.items() if name not in MEMBERS},
    )


def _document(response: httpx.Response) -> dict[str, Any]:
    if "json" not in response.headers.get("Content-Type", ""):
        return {}
    try:
        document = json.loads(response.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def error_of(response: httpx.Response, *, maybe_applied: bool = False) -> StatusError:
    """Return the error of a response that is not a success."""
    default = ServerError if response.status_code >= 500 else StatusError
    kind = BY_STATUS.get(response.status_code, default)
    return kind(problem_of(response), response, maybe_applied=maybe_applied)
