"""`Cache-Control` and `Vary` of every response (RFC 9111, RFC 9110 section 12.5.5).

A shared cache protects only requests with `Authorization`; it would store the response to an `X-API-Key` and send it
to the next client. So each response says itself who may store it.
"""

from collections.abc import Mapping

NO_STORE = "no-store"
# The client's own cache may keep it, and must ask with its ETag before it uses it again.
REVALIDATED = "private, no-cache"
VARY = ("Accept", "Authorization", "Origin", "X-API-Key")


def headers(method: str, status: int, own: Mapping[str, str], *, cacheable: bool) -> dict[str, str]:
    """The headers of a response that has the headers `own`, of which a route's own `Cache-Control` stays.

    Only what a GET or HEAD found is stored, and only where `storable`: not an error, not the response to a write, and
    not one that is marked as stale.
    """
    found = method in ("GET", "HEAD") and status in (200, 304) and "Warning" not in own
    control = own.get("Cache-Control") or (REVALIDATED if cacheable and found else NO_STORE)
    vary = {name.strip(): None for name in own.get("Vary", "").split(",") if name.strip()}
    return {"Cache-Control": control, "Vary": ", ".join(sorted({*vary, *VARY}))}
