"""Group client addresses into networks, for the rate limit of unauthenticated clients."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def client_network(address: str) -> str:
    """Return the IPv4 address itself, or the /64 network of an IPv6 address.

    An IPv6 host can use every address of its /64, so a limit per address would not limit it.
    A text that is not an address is returned unchanged.
    """
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)
