"""The keys that an issuer publishes: fetched with bounds, and chosen for one token's signature.

PyJWT's client and key classes do what they can; docs/decisions/0007-callers.md says what they cannot. This module is
imported with the first token, because it loads PyJWT and its cryptography.
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
MAX_SECONDS = 4.0  # for the whole answer, with the name's lookup
SOCKET_SECONDS = 2.0  # without a byte
MAX_KEYS = 100  # that are read of a key set
MAX_TRIED = 10  # that may fit one token
MIN_RSA_BITS = 2_048  # RFC 7518, section 3.3
MAX_RSA_BITS = 8_192  # verifying takes longer with each bit


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes a redirect an HTTPError: the operator named one place for keys, and no other is trusted."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects())


def fetch(url: str, timeout: float = MAX_SECONDS) -> bytes:
    """Return what is published at `url`.

    OSError or HTTPException if it is not answered in time, is a redirect or any other status than 200, or is too long.
    """
    answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
    # A thread, because neither the lookup of a name nor a server that sends a byte a second has a limit of its own.
    threading.Thread(target=_fetch, args=(url, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError(f"no complete answer within {timeout:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _fetch(url: str, answers: "queue.SimpleQueue[bytes | Exception]") -> None:
    try:
        accept = {"Accept": "application/jwk-set+json, application/json"}
        request = urllib.request.Request(url, headers=accept)  # noqa: S310 - settings take https alone, or loopback
        with _opener.open(request, timeout=SOCKET_SECONDS) as response:
            if response.status != 200:
                raise OSError(f"status {response.status}")
            body: bytes = response.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise OSError(f"over {MAX_BYTES} bytes")
        answers.put(body)
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        answers.put(error)


class JwksClient(jwt.PyJWKClient):
    """PyJWT's client, with a fetch that has bounds. `get_jwk_set` raises PyJWTError, OSError or HTTPException."""

    def __init__(self, url: str, fetch: Callable[[str], bytes] = fetch) -> None:
        super().__init__(url, cache_jwk_set=False)
        self._fetch = fetch

    def fetch_data(self) -> dict[str, Any]:
        """Return the published keys that may verify signatures."""
        try:
            published = self._as_jwk_set_payload(json.loads(self._fetch(self.uri)))
        except (ValueError, RecursionError) as error:
            raise jwt.PyJWKClientError(f"the key set is not JSON: {error}") from None
        keys = published.get("keys")
        if not isinstance(keys, list):
            raise jwt.PyJWKClientError("the key set has no list of keys")
        return {"keys": [key for key in keys[:MAX_KEYS] if _may_verify(key)]}


def _may_verify(key: Any) -> bool:
    """Whether it is a public key for signatures (RFC 7517, sections 4.2 and 4.3)."""
    if not isinstance(key, dict) or "d" in key or key.get("use", "sig") != "sig":
        return False
    operations = key.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def matching_keys(
    keys: Sequence[jwt.PyJWK], header: Mapping[str, Any], algorithms: Sequence[str]
) -> list[jwt.PyJWK]:
    """Return the keys that may have signed a token with this header (RFC 7515, section 4.1).

    A key fits by its algorithm (its own `alg`, or that of its kind and curve), and by its id if the token names one.
    The id is optional, and several keys may share one. If more than MAX_TRIED keys fit, the token does not say enough.
    """
    algorithm = header.get("alg")
    if algorithm not in algorithms:
        return []
    fit = [
        key
        for key in keys
        if key.algorithm_name == algorithm
        and ("kid" not in header or key.key_id == header["kid"])
        and _is_strong(key)
    ]
    return fit if len(fit) <= MAX_TRIED else []


def _is_strong(key: jwt.PyJWK) -> bool:
    return key.key_type != "RSA" or MIN_RSA_BITS <= key.key.key_size <= MAX_RSA_BITS
