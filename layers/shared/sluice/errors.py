"""Errors that clients see, with their codes and HTTP statuses.

docs/errors.md lists them by status, with cause and cure.

An application adds its own classes, and registers them in `error_classes`.

`detail` and `errors` are shown to clients. They never contain SQL, names of tables or constraints,
or values of other rows. The cause is kept as `__cause__` and only written to the log.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class FieldError(NamedTuple):
    """One invalid field or parameter of a request.

    `pointer` is a JSON pointer into the body (RFC 6901), `parameter` the name of a query or path
    parameter.
    """

    code: str
    message: str
    pointer: str | None = None
    parameter: str | None = None

    def __str__(self) -> str:
        unnamed = "the body" if self.parameter is None else "a parameter without a name"
        return f"{self.parameter or self.pointer or unnamed} {self.message}"


class SluiceError(Exception):
    """Base class of all errors that a client can see.

    `code` is stable and listed in docs/errors.md. `status` is the HTTP status. `title` is the same
    for all errors with one code. `members` are extension members of the problem document (RFC 9457,
    section 3.2).
    """

    code = "internal_error"
    status = 500
    title = "Internal server error"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: dict[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        self.detail = detail or "; ".join(str(error) for error in errors) or self.title
        super().__init__(self.detail)
        self.errors = tuple(errors)
        self.headers = headers or {}
        self.members = members or {}


class BadRequest(SluiceError):
    code = "invalid_request"
    status = 400
    title = "The request cannot be parsed"


class InvalidParameter(BadRequest):
    """A query or path parameter is unknown or malformed. `errors` names each of them."""

    code = "invalid_parameter"
    title = "A parameter is invalid"


class InvalidCursor(BadRequest):
    code = "invalid_cursor"
    title = "The cursor is not valid for this list"


class InvalidQuery(BadRequest):
    """A GraphQL document does not parse, or does not match the schema or its variables."""

    code = "invalid_query"
    title = "The GraphQL request is invalid"


class ResponseTooLarge(BadRequest):
    """Lambda would refuse to return the response. What the request wrote stays written."""

    code = "response_too_large"
    title = "The response is too large"


class QueryTooLong(BadRequest):
    code = "query_too_long"
    title = "The GraphQL request is too long"


class QueryTooDeep(BadRequest):
    code = "query_too_deep"
    title = "The GraphQL request is nested too deeply"


class QueryTooComplex(BadRequest):
    """A GraphQL document with its fragments expanded is too large to validate."""

    code = "query_too_complex"
    title = "The GraphQL request is too complex"


class TooManyAliases(BadRequest):
    code = "too_many_aliases"
    title = "The GraphQL request has too many aliases"


class QueryTooExpensive(BadRequest):
    """A query costs more than the limit, or ran longer than its limit. `detail` has the cost and
    the limit.

    For ad-hoc SQL `members` has `max_cost`, and PostgreSQL's `cost` if it is known.
    """

    code = "query_too_expensive"
    title = "The query is too expensive"


class Unauthenticated(SluiceError):
    """The credentials are missing or invalid. The response does not say why they are invalid."""

    code = "unauthenticated"
    status = 401
    title = "Authentication required"

    def __init__(self, detail: str) -> None:
        challenge = 'ApiKey realm="sluice", Bearer realm="sluice"'
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


class InsufficientScope(SluiceError):
    code = "insufficient_scope"
    status = 403
    title = "The credentials lack the required scope"

    def __init__(self, scope: str) -> None:
        challenge = f'Bearer realm="sluice", error="insufficient_scope", scope="{scope}"'
        super().__init__(f"This needs the scope {scope}", headers={"WWW-Authenticate": challenge})


class NoTenant(SluiceError):
    """The resource has tenants, and the request has none. `detail` says what the client can do."""

    code = "no_tenant"
    status = 403
    title = "The request has no tenant"

    def __init__(self, detail: str = "") -> None:
        advice = "Send X-Sluice-Tenant with a tenant of the credentials, or use others with one"
        super().__init__(detail or advice)


class TenantNotAllowed(SluiceError):
    """`X-Sluice-Tenant` is not a tenant of the credentials. The response never lists those."""

    code = "tenant_not_allowed"
    status = 403
    title = "The credentials do not allow this tenant"


class DirectAccess(SluiceError):
    code = "direct_access"
    status = 403
    title = "Requests must go through CloudFront"

    def __init__(self) -> None:
        super().__init__(
            "Send the request to the API's own domain name; ask the operator if you do not know it"
        )


class NotFound(SluiceError):
    code = "not_found"
    status = 404
    title = "Not found"


class MethodNotAllowed(SluiceError):
    """The path exists, but not for this method. `headers` must have `Allow`."""

    code = "method_not_allowed"
    status = 405
    title = "The method is not allowed for this path"


class NotAcceptable(SluiceError):
    """The `Accept` header excludes every media type that the route can return."""

    code = "not_acceptable"
    status = 406
    title = "The response is only available as JSON"


class Conflict(SluiceError):
    code = "conflict"
    status = 409
    title = "The request conflicts with the current state of the data"


class Duplicate(Conflict):
    """Another row has the same unique value. `errors` names the field."""

    code = "duplicate"
    title = "The value is already taken"


class StillReferenced(Conflict):
    code = "still_referenced"
    title = "Other rows reference this row"


class IdempotencyInProgress(Conflict):
    code = "idempotency_in_progress"
    title = "A request with this Idempotency-Key is still running"


class StaleVersion(SluiceError):
    """The precondition in `If-Match`, `If-None-Match` or GraphQL's `ifVersion` failed."""

    code = "stale_version"
    status = 412
    title = "The row's version does not meet the precondition"


class TooLarge(SluiceError):
    code = "too_large"
    status = 413
    title = "The body is too large"


class UnsupportedMediaType(SluiceError):
    code = "unsupported_media_type"
    status = 415
    title = "The body must be JSON"


class ValidationFailed(SluiceError):
    """The body can be parsed, but values in it are invalid. `errors` names every field."""

    code = "validation_failed"
    status = 422
    title = "Some values are invalid"

    @classmethod
    def at(cls, field: str, code: str, message: str) -> "ValidationFailed":
        """Return the error of one field of the body."""
        return cls(errors=[FieldError(code, message, pointer=f"/{field}")])


class QueryRejected(ValidationFailed):
    """An ad-hoc SQL query does not parse or is not allowed. `reason` is shown to the client."""

    def __init__(self, reason: str) -> None:
        error = FieldError("invalid", f"was rejected: {reason}", pointer="/query")
        super().__init__(errors=[error])
        self.reason = reason


class IdempotencyKeyReused(SluiceError):
    """A response is stored for the idempotency key.

    Handlers replay the stored response if it was for the same body. Otherwise the client sees this
    error.
    """

    code = "idempotency_key_reused"
    status = 422
    title = "This Idempotency-Key was used for another request"


class RateLimited(SluiceError):
    """The client's quota is used up. It may send the next request after `retry_after` seconds."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            f"Send the next request in {retry_after} s", headers={"Retry-After": str(retry_after)}
        )


class InternalError(SluiceError):
    """An unexpected error. Clients see the title as its detail; the cause is only in the log."""


class Unavailable(SluiceError):
    """The request cannot be served now. The client may try again after `retry_after` seconds."""

    status = 503

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class IdentityUnavailable(Unavailable):
    """DynamoDB or the token issuer does not respond, so credentials cannot be checked."""

    code = "identity_unavailable"
    title = "Credentials cannot be checked at the moment"


class PoolExhausted(Unavailable):
    code = "pool_exhausted"
    title = "All database connections are in use"


class NotSetUp(Unavailable):
    """The database lacks what `make migrate` installs: the schema `sluice` or the application's
    tables.
    """

    code = "not_set_up"
    title = "The database is not set up for this"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, retry_after=60)


class WrongSettings(Unavailable):
    """Session settings in the database would change responses. `members` are those of
    /health/ready.
    """

    code = "wrong_settings"
    title = "Session settings of the database would change responses"

    def __init__(self, detail: str = "", *, members: Mapping[str, object] | None = None) -> None:
        super().__init__(detail, retry_after=60)
        self.members = members or {}


class DatabaseUnavailable(Unavailable):
    """The database is down, starting, failing over, overloaded or unreachable."""

    code = "database_unavailable"
    title = "The database is unavailable"


class CircuitOpen(DatabaseUnavailable):
    """The circuit breaker is open: the database was unavailable a moment ago. The next attempt may
    succeed after `retry_after` seconds.
    """

    code = "circuit_open"
    title = "The database was unavailable a moment ago"


class ConnectionLost(DatabaseUnavailable):
    """An open connection broke during a statement, so it is unknown whether the statement took
    effect.

    A read may be retried once.
    """


class ReplicaBehind(DatabaseUnavailable):
    """The replica has not replayed the required WAL position, or its position is unknown. The
    primary is used instead.
    """


class RolledBack(DatabaseUnavailable):
    """PostgreSQL rolled the transaction back because of a deadlock or a serialization failure.

    db/retry.py runs the whole transaction again.
    """


class StatementTimeout(Unavailable):
    code = "statement_timeout"
    status = 504
    title = "The database did not finish in time"
