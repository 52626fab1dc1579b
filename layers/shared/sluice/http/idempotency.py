"""`Idempotency-Key`: a POST that is sent twice is done once, and answered twice alike.

After draft-ietf-httpapi-idempotency-key-header, with keys kept for 24 hours, for each client and path.
"""

import re
from collections.abc import Callable
from hashlib import sha256

from aws_lambda_powertools.event_handler import Response

from sluice.errors import BadRequest, IdempotencyKeyReused
from sluice.http import responses
from sluice.http.request import Request
from sluice.repositories.idempotency import IdempotencyKey, IdempotencyKeyRepository
from sluice.repositories.projection import Representation

HEADER = "idempotency-key"
KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", re.ASCII)


def create(
    request: Request,
    store: IdempotencyKeyRepository,
    make: Callable[[IdempotencyKey | None], Representation],
) -> Response[str]:
    """201 with what `make` creates; or the first answer again, where this key had one for this body.

    `make` keeps the answer in its own transaction, and raises IdempotencyKeyReused where there is one.
    """
    key = read(request)
    if key is None:
        return responses.created(request, make(None))
    try:
        return responses.created(request, make(key))
    except IdempotencyKeyReused:
        first = store.find_response(key)
        if first is None:
            raise
        return responses.created(request, first, replayed=True)


def read(request: Request) -> IdempotencyKey | None:
    """The key that the client gave. BadRequest unless it is 1 to 255 visible characters."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key must be 1 to 255 visible ASCII characters")
    # The parts are digested one by one, so that no two lists of them run together into the same bytes.
    parts = (request.client_id, request.path, key)
    digest = sha256(
        b"".join(sha256(part.encode("utf-8", "surrogatepass")).digest() for part in parts)
    ).digest()
    return IdempotencyKey(digest, sha256(request.body).digest())
