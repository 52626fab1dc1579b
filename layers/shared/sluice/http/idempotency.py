"""Safe retries of POST requests by the `Idempotency-Key` header.

The first response is stored for 24 hours under the client, its tenant, the path and the key. A
retry gets the stored response. See draft-ietf-httpapi-idempotency-key-header.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from sluice import request_context
from sluice.errors import IdempotencyKeyReused
from sluice.http import headers, responses
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.kinds.field import Field
from sluice.sql.idempotency import IdempotencyKey, IdempotencyKeyRepository
from sluice.sql.projection import Representation


def create(
    request: Request,
    store: IdempotencyKeyRepository,
    keys: Sequence[Field],
    make: Callable[[IdempotencyKey | None], Representation],
) -> Response:
    """Create a row and return 201, as `once` does. `keys` are the fields of the row's key."""
    return once(request, store, make, lambda row: responses.created(request, row, keys))


def once(
    request: Request,
    store: IdempotencyKeyRepository,
    make: Callable[[IdempotencyKey | None], Representation],
    respond: Callable[[Representation], Response],
) -> Response:
    """Return the response to what `make` returns, or the stored one if the key was used before.

    `make` stores the response in the transaction that does the work. It raises
    IdempotencyKeyReused if a response is stored already. That error reaches the client if the
    stored response was for another body.
    """
    key = read_key(request)
    if key is None:
        return respond(make(None))
    try:
        return respond(make(key))
    except IdempotencyKeyReused:
        stored = store.find_response(key)
        if stored is None:
            raise
        response = respond(stored)
        response.headers["Idempotency-Replayed"] = "true"
        return response


def read_key(request: Request) -> IdempotencyKey | None:
    """Return the client's key, if it sent one. Raise BadRequest if it is invalid."""
    key = headers.idempotency_key(request)
    if key is None:
        return None
    # Each part is hashed, so that different parts cannot be joined to the same bytes.
    tenant = request_context.current().tenant
    parts = (request.client_id, request.path, key, *([tenant] if tenant else []))
    hashes = [sha256(part.encode("utf-8", "surrogatepass")).digest() for part in parts]
    return IdempotencyKey(sha256(b"".join(hashes)).digest(), sha256(request.body).digest())
