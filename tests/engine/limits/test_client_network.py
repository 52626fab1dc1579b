"""The networks by which unauthenticated requests are limited."""

import pytest

from sluice.limits.client_network import client_network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:CB00:7107", "203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("203.0.113.07", "203.0.113.07"),  # some parsers read 07 as octal, so Python rejects it
        ("٢٠٣.0.113.7", "٢٠٣.0.113.7"),
        ("not an address", "not an address"),
    ],
)
def test_address_is_mapped_to_its_network(address: str, network: str) -> None:
    assert client_network(address) == network
