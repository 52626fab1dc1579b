"""Read the tenants that credentials list, and choose the one of a request.

An application without tenants lists none.
"""

import logging
from collections.abc import Collection, Iterable
from functools import lru_cache

from sluice.tenants import application_type, canonical

_log = logging.getLogger(__name__)


def canonical_tenants(values: Iterable[object], client_id: str) -> tuple[str, ...]:
    """Return the canonical text of each value, once.

    A value that is no tenant of the application's type is left out. The log has one line about it.
    """
    values = tuple(values)
    kind = application_type() if values else ""
    if not kind:
        return ()
    found: dict[str, None] = {}
    for value in values:
        is_readable = isinstance(value, (str, int)) and not isinstance(value, bool)
        try:
            text = str(value) if is_readable else ""
            text.encode()  # fails, with a ValueError, if PostgreSQL could not store the text
            found[canonical(text, kind)] = None
        except ValueError:
            _warn_once(client_id, kind)
    return tuple(found)


def choose(tenants: Collection[str], sent: str | None) -> str:
    """Return the tenant of a request; empty if there is none.

    `sent` is the value of `X-Sluice-Tenant`. It chooses one of `tenants`. Without the header, a
    single tenant is chosen, and none of several.
    """
    if sent is None:
        return next(iter(tenants)) if len(tenants) == 1 else ""
    if not tenants:
        return ""
    try:
        tenant = canonical(sent)
    except ValueError:
        return ""
    return tenant if tenant in tenants else ""


@lru_cache(maxsize=1_000)
def _warn_once(client_id: str, kind: str) -> None:
    _log.warning(
        "the credentials of %s list a tenant that is not of the type %s; it is ignored",
        client_id,
        kind,
    )
