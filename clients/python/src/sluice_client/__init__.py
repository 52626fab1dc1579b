"""A client of an API that Sluice serves: generated operations and models, and this layer."""

from .client import AsyncClient, Client, ClientOptions
from .errors import (
    AuthenticationError,
    BadRequestError,
    ClientError,
    ConflictError,
    GatewayTimeoutError,
    InvalidValue,
    NoResponseError,
    NotFoundError,
    NotModifiedError,
    PermissionDeniedError,
    PreconditionFailedError,
    ProblemDetails,
    RateLimitError,
    ServerError,
    StatusError,
    UnavailableError,
    UnprocessableError,
)
from .etags import EtagCache
from .pages import iterate, iterate_async
from .response import ParsedResponse
from .retries import RetryPolicy
from .timing import Timing
from .updates import update, update_async

__all__ = [
    "ParsedResponse",
    "AsyncClient",
    "AuthenticationError",
    "BadRequestError",
    "Client",
    "ClientError",
    "ClientOptions",
    "ConflictError",
    "EtagCache",
    "GatewayTimeoutError",
    "InvalidValue",
    "NoResponseError",
    "NotFoundError",
    "NotModifiedError",
    "PermissionDeniedError",
    "PreconditionFailedError",
    "ProblemDetails",
    "RateLimitError",
    "RetryPolicy",
    "ServerError",
    "StatusError",
    "Timing",
    "UnavailableError",
    "UnprocessableError",
    "iterate",
    "iterate_async",
    "update",
    "update_async",
]
