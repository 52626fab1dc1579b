"""Who may talk to the servers of this machine: clients that name it as it is, and pages that it serves itself.

They listen on loopback, which every browser page can reach. A page whose own name was made to lead to 127.0.0.1 (DNS
rebinding) sends that name as Host; a page of another origin sends Origin, or Sec-Fetch-Site where it sends no Origin.
"""

import re
from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

AUTHORITY = re.compile(r"([A-Za-z.-]+|[0-9.]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII)
NAMES = frozenset({"localhost"})
PORTS = {"http": 80, "https": 443}


def is_here(
    host: str, port: int | None, names: Collection[str] = NAMES, *, scheme: str = "http"
) -> bool:
    """Whether a Host header names this machine's loopback, with this port (None: any). Absent is the empty string."""
    found = AUTHORITY.fullmatch(host)
    if found is None or port not in (None, int(found[2] or PORTS[scheme])):
        return False
    return found[1].lower().removesuffix(".") in names or _is_loopback(found[1])


def is_local_origin(origin: str) -> bool:
    """Whether an Origin header is that of a page served from this machine, on any port."""
    scheme, separator, authority = origin.partition("://")
    found = AUTHORITY.fullmatch(authority)
    if scheme not in PORTS or not separator or found is None:
        return False
    return found[1].lower() in NAMES or _is_loopback(found[1])


def is_foreign_page(
    origin: str, site: str, mode: str, method: str, allowed: Collection[str] = ()
) -> bool:
    """Whether a page of another origin sent a request with these headers (empty where absent).

    `allowed` origins are at home as well. Following a link from anywhere is what no page gains anything by.
    """
    if origin:
        return origin not in allowed and not is_local_origin(origin)
    return site.lower() == "cross-site" and not is_navigation(mode, method)


def is_navigation(mode: str, method: str) -> bool:
    return mode.lower() == "navigate" and method in ("GET", "HEAD")


def authority_of(target: str) -> str | None:
    """The host of a request target in absolute form (`http://host/path`), None for one in origin form."""
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
