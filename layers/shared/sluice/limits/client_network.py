"""Which addresses are one stranger's? An IPv4 address; of IPv6 a /64, in which a host has as many as it likes."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def client_network(address: str) -> str:
    """The address itself, its /64, or (what is no address) the text."""
    try:
        known: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return f"{IPv6Address(int(known) >> 64 << 64)}/64"
    return str(known)
