"""Decide from a request's headers whether it comes from this machine or from a foreign web page.

The local servers listen on loopback, which every page in a browser can reach. After DNS rebinding,
a page sends its own name as Host. With a request of another origin, the browser sends Origin or
Sec-Fetch-Site.
"""

import re
from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

AUTHORITY = re.compile(r"([A-Za-z.-]+|[0-9.]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII)
NAMES = frozenset({"localhost"})
PORTS = {"http": 80, "https": 443}


def is_loopback_host(
    host: str, port: int | None, names: Collection[str] = NAMES, *, scheme: str = "http"
) -> bool:
    """Return whether a Host header (empty if absent) names loopback and `port` (None: any port)."""
    match = AUTHORITY.fullmatch(host)
    if match is None or port not in (None, int(match[2] or PORTS[scheme])):
        return False
    return match[1].lower().removesuffix(".") in names or _is_loopback(match[1])


def is_local_origin(origin: str) -> bool:
    """Return whether an Origin header names a page served from this machine, on any port."""
    scheme, separator, authority = origin.partition("://")
    match = AUTHORITY.fullmatch(authority)
    if scheme not in PORTS or not separator or match is None:
        return False
    return match[1].lower() in NAMES or _is_loopback(match[1])


def is_cross_origin(
    origin: str, site: str, mode: str, method: str, allowed: Collection[str] = ()
) -> bool:
    """Return whether a page of a foreign origin sent a request with these headers.

    An absent header is empty. Origins of this machine and those in `allowed` are not foreign. A
    link from a foreign page is allowed, because that page cannot read the response.
    """
    if origin:
        return origin not in allowed and not is_local_origin(origin)
    return site.lower() == "cross-site" and not is_navigation(mode, method)


def is_navigation(mode: str, method: str) -> bool:
    """Return whether a request follows a link (`mode`: the header Sec-Fetch-Mode)."""
    return mode.lower() == "navigate" and method in ("GET", "HEAD")


def target_authority(target: str) -> str | None:
    """Return the host of a target in absolute form (`http://host/path`), None for origin form."""
    if target.startswith("/"):
        return None
    try:
        return urlsplit(target).netloc
    except ValueError:
        return ""


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback
