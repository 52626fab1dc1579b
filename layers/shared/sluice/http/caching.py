"""`Cache-Control` and `Vary` of every response (RFC 9111, RFC 9110 section 12.5.5).

A shared cache treats only requests with `Authorization` as private. It would store the response to
a request with `X-API-Key` and send it to the next client. So each response says who may store it.
"""

from collections.abc import Mapping

NO_STORE = "no-store"
# The client's cache may store the response, but must revalidate it by its ETag before each use.
REVALIDATE = "private, no-cache"
VARY = "Accept, Authorization, Origin, X-API-Key"
VARY_BY_TENANT = f"{VARY}, X-Sluice-Tenant"


def headers(
    method: str, status: int, own: Mapping[str, str], vary: str = VARY, *, cacheable: bool
) -> dict[str, str]:
    """Return `Cache-Control` and `Vary` for a response whose other headers are `own`.

    `vary` is VARY, or VARY_BY_TENANT if the application has tenants.

    A `Cache-Control` that the route has set is kept. Otherwise a response may be stored only if it
    is `cacheable` and the successful response to a GET or HEAD. Errors, responses to writes and
    responses that are marked as stale are not stored.
    """
    found = method in ("GET", "HEAD") and status in (200, 304) and "Warning" not in own
    control = own.get("Cache-Control") or (REVALIDATE if cacheable and found else NO_STORE)
    if "Vary" not in own:
        return {"Cache-Control": control, "Vary": vary}
    names = {name.strip() for name in f"{own['Vary']},{vary}".split(",")} - {""}
    return {"Cache-Control": control, "Vary": ", ".join(sorted(names))}
