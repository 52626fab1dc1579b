"""What can go wrong, as a client sees it. Nothing here knows HTTP bodies or SQL.

    SluiceError                     code                    status
    ├─ BadRequest                   invalid_request         400
    │  ├─ InvalidParameter          invalid_parameter       400
    │  ├─ InvalidCursor             invalid_cursor          400
    │  ├─ InvalidQuery              invalid_query           400
    │  ├─ QueryTooLong              query_too_long          400
    │  ├─ QueryTooDeep              query_too_deep          400
    │  ├─ QueryTooComplex           query_too_complex       400
    │  ├─ TooManyAliases            too_many_aliases        400
    │  └─ QueryTooExpensive         query_too_expensive     400
    ├─ Unauthenticated              unauthenticated         401
    ├─ InsufficientScope            insufficient_scope      403
    ├─ DirectAccess                 direct_access           403
    ├─ NotFound                     not_found               404
    ├─ MethodNotAllowed             method_not_allowed      405
    ├─ NotAcceptable                not_acceptable          406
    ├─ Conflict                     conflict                409
    │  ├─ Duplicate                 duplicate               409
    │  ├─ StillReferenced           still_referenced        409
    │  ├─ OutOfStock                out_of_stock            409
    │  ├─ InvalidTransition         invalid_transition      409
    │  └─ IdempotencyInProgress     idempotency_in_progress 409
    ├─ StaleVersion                 stale_version           412
    ├─ TooLarge                     too_large               413
    ├─ UnsupportedMediaType         unsupported_media_type  415
    ├─ ValidationFailed             validation_failed       422
    │  └─ QueryRejected              validation_failed       422
    ├─ IdempotencyKeyReused         idempotency_key_reused  422
    ├─ RateLimited                  rate_limited            429
    ├─ InternalError                internal_error          500
    └─ Unavailable
       ├─ IdentityUnavailable       identity_unavailable    503
       ├─ PoolExhausted             pool_exhausted          503
       ├─ NotSetUp                  not_set_up              503
       ├─ WrongSettings             wrong_settings          503
       ├─ DatabaseUnavailable       database_unavailable    503
       │  ├─ CircuitOpen            circuit_open            503
       │  ├─ ConnectionLost         database_unavailable    503
       │  ├─ ReplicaBehind           database_unavailable    503
       │  └─ RolledBack             database_unavailable    503
       └─ StatementTimeout          statement_timeout       504

`detail` and `faults` are shown to clients, so they never hold SQL, names of tables or
constraints, or another row's values. The cause travels as `__cause__`, for the log alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a request: `pointer` (JSON pointer into the body) or `parameter` says where."""

    code: str
    message: str
    pointer: str | None = None
    parameter: str | None = None

    def __str__(self) -> str:
        unnamed = "the body" if self.parameter is None else "a parameter without a name"
        return f"{self.parameter or self.pointer or unnamed} {self.message}"


class SluiceError(Exception):
    """The root: `code` is stable and listed in docs/errors.md, `status` is HTTP's, `title` never varies."""

    code = "internal_error"
    status = 500
    title = "Something went wrong on our side"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: dict[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        self.detail = detail or "; ".join(str(fault) for fault in errors) or self.title
        super().__init__(self.detail)
        self.errors = tuple(errors)
        self.headers = headers or {}
        self.members = members or {}  # of the problem, beside those that every one has


class BadRequest(SluiceError):
    code, status, title = "invalid_request", 400, "The request cannot be read"


class InvalidParameter(BadRequest):
    """A query or path parameter that is unknown or malformed; `faults` name each."""

    code, title = "invalid_parameter", "A parameter is not valid"


class InvalidCursor(BadRequest):
    code, title = "invalid_cursor", "The cursor does not belong to this list"


class InvalidQuery(BadRequest):
    """A GraphQL document that does not parse, does not fit the schema, or does not go with its variables."""

    code, title = "invalid_query", "The GraphQL request is not valid"


class QueryTooLong(BadRequest):
    code, title = "query_too_long", "The GraphQL request is too long"


class QueryTooDeep(BadRequest):
    code, title = "query_too_deep", "The GraphQL request is nested too deeply"


class QueryTooComplex(BadRequest):
    """Fragments and repetition make more of it than a server should look at."""

    code, title = "query_too_complex", "The GraphQL request is too complex"


class TooManyAliases(BadRequest):
    code, title = "too_many_aliases", "The GraphQL request has too many aliases"


class QueryTooExpensive(BadRequest):
    """It could ask for more than one request may, or took longer; `detail` tells how much, and the limit.

    Of an analyst's SQL `members` have PostgreSQL's `cost`, where it is known, and `max_cost`.
    """

    code, title = "query_too_expensive", "The query asks for too much"


class Unauthenticated(SluiceError):
    """No credentials, or none that are known; of these nothing is told, not even that they once were good."""

    code, status, title = "unauthenticated", 401, "Who is asking is not known"

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail, headers={"WWW-Authenticate": 'ApiKey realm="sluice", Bearer realm="sluice"'}
        )


class InsufficientScope(SluiceError):
    """The caller is known, and may not do this without `scope`."""

    code, status, title = "insufficient_scope", 403, "These credentials do not allow that"

    def __init__(self, scope: str) -> None:
        challenge = f'Bearer realm="sluice", error="insufficient_scope", scope="{scope}"'
        super().__init__(f"This needs the scope {scope}", headers={"WWW-Authenticate": challenge})


class DirectAccess(SluiceError):
    """The request went past the CloudFront that is in front of this deployment."""

    code, status, title = "direct_access", 403, "This address takes requests from CloudFront only"

    def __init__(self) -> None:
        super().__init__("Send the request to the API's own domain name; the operator knows it")


class NotFound(SluiceError):
    code, status, title = "not_found", 404, "There is no such thing"


class MethodNotAllowed(SluiceError):
    """`headers` carry `Allow`."""

    code, status, title = "method_not_allowed", 405, "This path does not take that method"


class NotAcceptable(SluiceError):
    code, status, title = "not_acceptable", 406, "Only JSON can be answered here"


class Conflict(SluiceError):
    code, status, title = "conflict", 409, "The request conflicts with what is stored"


class Duplicate(Conflict):
    """A unique value is taken; `faults` name the field."""

    code, title = "duplicate", "That value is already taken"


class StillReferenced(Conflict):
    code, title = "still_referenced", "Other rows still need this one"


class OutOfStock(Conflict):
    """`faults` name the products and what is left of each."""

    code, title = "out_of_stock", "There is not enough stock"


class InvalidTransition(Conflict):
    """An order does not move from the status it has to the one asked for."""

    code, title = "invalid_transition", "The order cannot take that status"


class IdempotencyInProgress(Conflict):
    code, title = "idempotency_in_progress", "A request with this Idempotency-Key is still running"


class StaleVersion(SluiceError):
    """`If-Match`, `If-None-Match` or GraphQL's `ifVersion` does not hold."""

    code, status, title = (
        "stale_version",
        412,
        "The row is at another version than the request requires",
    )


class TooLarge(SluiceError):
    code, status, title = "too_large", 413, "The body is too large"


class UnsupportedMediaType(SluiceError):
    code, status, title = "unsupported_media_type", 415, "Only JSON is taken here"


class ValidationFailed(SluiceError):
    """Readable, but not acceptable; `faults` name every field at fault."""

    code, status, title = "validation_failed", 422, "Some values are not acceptable"


class QueryRejected(ValidationFailed):
    """An analyst's statement that cannot be read, or is not allowed; `reason` says what of it, in our own words."""

    def __init__(self, reason: str) -> None:
        super().__init__(errors=[FieldError("invalid", f"is refused: {reason}", pointer="/query")])
        self.reason = reason


class IdempotencyKeyReused(SluiceError):
    """The key has an answer already. Where it was for the same body, that answer is given again instead."""

    code, status, title = (
        "idempotency_key_reused",
        422,
        "This Idempotency-Key was used for another request",
    )


class RateLimited(SluiceError):
    """The client has used up its quota; it is let in again after `retry_after` seconds."""

    code, status, title = "rate_limited", 429, "Too many requests"

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            f"Send the next one in {retry_after} s", headers={"Retry-After": str(retry_after)}
        )


class InternalError(SluiceError):
    """A fault of ours. The detail is always the title: the cause is for the log."""


class Unavailable(SluiceError):
    """This cannot be served now; trying again after `retry_after` seconds is right."""

    status = 503

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class IdentityUnavailable(Unavailable):
    code, title = "identity_unavailable", "Credentials cannot be checked at the moment"


class PoolExhausted(Unavailable):
    code, title = "pool_exhausted", "Every database connection is in use"


class NotSetUp(Unavailable):
    """The database lacks what `make migrate` installs: the schema `sluice`, or the application's tables."""

    code, title = "not_set_up", "The database is not set up for this"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, retry_after=60)


class WrongSettings(Unavailable):
    """A session of the database has settings that change answers; `members` are those of readiness."""

    code, title = "wrong_settings", "The settings of the database's sessions would change answers"

    def __init__(self, detail: str = "", *, members: Mapping[str, object] | None = None) -> None:
        super().__init__(detail, retry_after=60)
        self.members = members or {}


class DatabaseUnavailable(Unavailable):
    """Down, starting, failing over, refusing, or overloaded."""

    code, title = "database_unavailable", "The database cannot be reached"


class CircuitOpen(DatabaseUnavailable):
    """It was away a moment ago, so this environment does not try to connect until `retry_after` is over."""

    code, title = "circuit_open", "The database is away, and is not asked at the moment"


class ConnectionLost(DatabaseUnavailable):
    """An open connection broke under a statement: whether it took effect is unknown. A read may be tried again once."""


class ReplicaBehind(DatabaseUnavailable):
    """The reader has not come as far as it would have to, or cannot tell: the primary is asked instead."""


class RolledBack(DatabaseUnavailable):
    """The transaction lost against another (deadlock, serialization) and is undone: replay it whole (db/retry.py)."""


class StatementTimeout(Unavailable):
    code, status, title = "statement_timeout", 504, "The database took longer than this request may"
