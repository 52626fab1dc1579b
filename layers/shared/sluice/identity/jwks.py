"""Fetch the key set (JWKS) of an issuer within limits, and choose the keys for a token.

docs/decisions/0007-callers.md says what PyJWT's client lacks. This module loads PyJWT and
cryptography, so it is imported with the first token.
"""

import json
import queue
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError

import jwt

MAX_BYTES = 1024 * 1024
TOTAL_TIMEOUT = 4.0  # seconds, for the name lookup and the whole response
SOCKET_TIMEOUT = 2.0  # seconds between two bytes
MAX_KEYS = 100  # of a key set; more are ignored
MAX_MATCHES = 10  # keys that may match one token
MIN_RSA_BITS = 2_048  # RFC 7518, section 3.3
MAX_RSA_BITS = 8_192  # verifying takes longer with each bit


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Turns a redirect into an HTTPError: only the URL that the operator configured is trusted."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects())


def fetch(url: str, timeout: float = TOTAL_TIMEOUT) -> bytes:
    """Return the body of a GET of `url`.

    Raises OSError or HTTPException if there is no complete response in time. A redirect, another
    status than 200 and a body of more than MAX_BYTES are errors, too.
    """
    results: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
    # In a thread, because a timeout of urllib limits neither the name lookup nor a server that
    # sends one byte a second.
    threading.Thread(target=_fetch, args=(url, results), daemon=True).start()
    try:
        result = results.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError(f"no complete response within {timeout:g} s") from None
    if isinstance(result, Exception):
        raise result
    return result


def _fetch(url: str, results: "queue.SimpleQueue[bytes | Exception]") -> None:
    try:
        accept = {"Accept": "application/jwk-set+json, application/json"}
        # The settings allow only https, and http to the loopback interface.
        request = urllib.request.Request(url, headers=accept)  # noqa: S310
        with _opener.open(request, timeout=SOCKET_TIMEOUT) as response:
            if response.status != 200:
                raise OSError(f"the status is {response.status}, not 200")
            body: bytes = response.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise OSError(f"the response has more than {MAX_BYTES} bytes")
        results.put(body)
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        results.put(error)


class JwksClient(jwt.PyJWKClient):
    """PyJWT's client for a key set, with the limits of `fetch`.

    `get_jwk_set` raises PyJWTError, OSError or HTTPException.
    """

    def __init__(self, url: str, fetch: Callable[[str], bytes] = fetch) -> None:
        super().__init__(url, cache_jwk_set=False)
        self._fetch = fetch

    def fetch_data(self) -> dict[str, Any]:
        """Return the key set, without keys that are not for verifying signatures."""
        try:
            key_set = self._as_jwk_set_payload(json.loads(self._fetch(self.uri)))
        except (ValueError, RecursionError) as error:
            raise jwt.PyJWKClientError(f"the key set is not JSON: {error}") from None
        keys = key_set.get("keys")
        if not isinstance(keys, list):
            raise jwt.PyJWKClientError("the key set has no list of keys")
        return {"keys": [key for key in keys[:MAX_KEYS] if _is_signature_key(key)]}


def _is_signature_key(key: Any) -> bool:
    """Return whether this is a public key for signatures (RFC 7517, sections 4.2 and 4.3)."""
    if not isinstance(key, dict) or "d" in key or key.get("use", "sig") != "sig":
        return False
    operations = key.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def matching_keys(
    keys: Sequence[jwt.PyJWK], header: Mapping[str, Any], algorithms: Sequence[str]
) -> list[jwt.PyJWK]:
    """Return the keys that may have signed a token with this header (RFC 7515, section 4.1).

    A key matches by its algorithm (`alg`, or the one of its type and curve), and by its id if the
    header has a `kid`. The id is optional, and several keys may share one. If more than
    MAX_MATCHES keys match, the header is too vague and the result is empty.
    """
    algorithm = header.get("alg")
    if algorithm not in algorithms:
        return []
    matches = [
        key
        for key in keys
        if key.algorithm_name == algorithm
        and ("kid" not in header or key.key_id == header["kid"])
        and _is_strong(key)
    ]
    return matches if len(matches) <= MAX_MATCHES else []


def _is_strong(key: jwt.PyJWK) -> bool:
    return key.key_type != "RSA" or MIN_RSA_BITS <= key.key.key_size <= MAX_RSA_BITS
