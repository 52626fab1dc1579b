"""Recognizing hosts and origins of this machine."""

import pytest

from local.origins import is_cross_origin, is_local_origin, is_loopback_host, target_authority

LOOPBACK_HOSTS = [
    "127.0.0.1:4200",
    "localhost:4200",
    "LOCALHOST:4200",
    "localhost.:4200",
    "[::1]:4200",
    "127.8.9.1:4200",
    "[::ffff:127.0.0.1]:4200",
    "[0:0:0:0:0:0:0:1]:4200",
    "127.0.0.1:04200",
]
OTHER_HOSTS = [
    "",
    "evil.example",
    "evil.example:4200",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:80",
    "127.0.0.1:42000",
    "localhost.evil.example:4200",
    "127.0.0.1.evil.example:4200",
    "127.0.0.1.nip.io:4200",
    "evil.localhost:4200",
    "0.0.0.0:4200",
    "[::]:4200",
    "[::ffff:10.0.0.1]:4200",
    "192.168.1.5:4200",
    "localhost..:4200",
    "127.1:4200",
    "2130706433:4200",
    "0x7f000001:4200",
    "127.000.000.001:4200",
    "127.0.0.1.:4200",
    "::1:4200",
    "[::1:4200",
    "127.0.0.1:4200,evil.example",
    "evil@127.0.0.1:4200",
    "127.0.0.1:4200/",
    "127.0.0.1:4200 ",
    "127.0.0.1:",
    "127.0.0.1:٤٢٠٠",
    "localhost:4200\0",
    "ſlocalhost:4200",
    "[::1%lo]:4200",
]


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_loopback_host_is_recognized(host: str) -> None:
    assert is_loopback_host(host, 4200)


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback_host(host, 4200)


def test_port_defaults_to_the_scheme() -> None:
    assert is_loopback_host("localhost", 80)
    assert is_loopback_host("localhost", 443, scheme="https")
    assert not is_loopback_host("localhost", 443)


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:5173", "https://localhost", "http://127.0.0.1:3000", "http://[::1]:8000"],
)
def test_loopback_origins_are_local(origin: str) -> None:
    assert is_local_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://evil.example:4200",
        "file://",
        "http://0.0.0.0:4200",
        "http://localhost@evil.example",
        "localhost:4200",
        "ftp://localhost",
        "http://localhost/",
        "chrome-extension://abc",
        "http://localhost:5173, http://evil.example",
    ],
)
def test_other_origins_are_not_local(origin: str) -> None:
    assert not is_local_origin(origin)


@pytest.mark.parametrize(
    ("site", "mode", "method", "foreign"),
    [
        ("cross-site", "no-cors", "GET", True),
        ("Cross-Site", "cors", "POST", True),
        ("cross-site", "navigate", "POST", True),
        ("cross-site", "navigate", "GET", False),
        ("same-site", "no-cors", "GET", False),
        ("none", "navigate", "GET", False),
        ("", "", "POST", False),
    ],
)
def test_fetch_site_decides_without_origin(
    site: str, mode: str, method: str, foreign: bool
) -> None:
    assert is_cross_origin("", site, mode, method) is foreign


def test_origin_precedes_fetch_site() -> None:
    assert not is_cross_origin("http://localhost:5173", "cross-site", "cors", "POST")
    assert is_cross_origin("https://shop", "same-origin", "cors", "GET")
    assert not is_cross_origin("https://shop", "cross-site", "cors", "GET", {"https://shop"})


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        ("/a?b=http://x", None),
        ("http://evil.example/a", "evil.example"),
        ("//evil.example/a", None),
        ("*", ""),
        ("http://[::1/a", ""),
        ("http:///a", ""),
    ],
)
def test_absolute_target_has_authority(target: str, authority: str | None) -> None:
    assert target_authority(target) == authority
