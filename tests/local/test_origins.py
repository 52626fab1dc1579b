"""Which hosts and origins are this machine's own."""

import pytest

from local.origins import authority_of, is_foreign_page, is_here, is_local_origin

HERE = ["127.0.0.1:4200", "localhost:4200", "LOCALHOST:4200", "localhost.:4200", "[::1]:4200", "127.8.9.1:4200",
        "[::ffff:127.0.0.1]:4200", "[0:0:0:0:0:0:0:1]:4200", "127.0.0.1:04200"]  # fmt: skip
ELSEWHERE = [
    "", "evil.example", "evil.example:4200", "127.0.0.1", "localhost", "127.0.0.1:80", "127.0.0.1:42000",
    "localhost.evil.example:4200", "127.0.0.1.evil.example:4200", "127.0.0.1.nip.io:4200", "evil.localhost:4200",
    "0.0.0.0:4200", "[::]:4200", "[::ffff:10.0.0.1]:4200", "192.168.1.5:4200", "localhost..:4200", "127.1:4200",
    "2130706433:4200", "0x7f000001:4200", "127.000.000.001:4200", "127.0.0.1.:4200", "::1:4200", "[::1:4200",
    "127.0.0.1:4200,evil.example", "evil@127.0.0.1:4200", "127.0.0.1:4200/", "127.0.0.1:4200 ", "127.0.0.1:",
    "127.0.0.1:٤٢٠٠", "localhost:4200\0", "ſlocalhost:4200", "[::1%lo]:4200",
]  # fmt: skip


@pytest.mark.parametrize("host", HERE)
def test_loopback_with_the_right_port_is_here(host: str) -> None:
    assert is_here(host, 4200)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_other_hosts_are_elsewhere(host: str) -> None:
    assert not is_here(host, 4200)


def test_a_port_left_out_is_the_schemes() -> None:
    assert is_here("localhost", 80)
    assert is_here("localhost", 443, scheme="https")
    assert not is_here("localhost", 443)


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:5173", "https://localhost", "http://127.0.0.1:3000", "http://[::1]:8000"],
)
def test_pages_of_this_machine_are_local(origin: str) -> None:
    assert is_local_origin(origin)


@pytest.mark.parametrize(
    "origin",
    ["null", "", "https://evil.example", "http://localhost.evil.example", "http://evil.example:4200", "file://",
     "http://0.0.0.0:4200", "http://localhost@evil.example", "localhost:4200", "ftp://localhost", "http://localhost/",
     "chrome-extension://abc", "http://localhost:5173, http://evil.example"],
)  # fmt: skip
def test_other_pages_are_not_local(origin: str) -> None:
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
def test_a_request_without_origin_is_judged_by_its_site(
    site: str, mode: str, method: str, foreign: bool
) -> None:
    assert is_foreign_page("", site, mode, method) is foreign


def test_an_origin_counts_before_the_site() -> None:
    assert not is_foreign_page("http://localhost:5173", "cross-site", "cors", "POST")
    assert is_foreign_page("https://shop", "same-origin", "cors", "GET")
    assert not is_foreign_page("https://shop", "cross-site", "cors", "GET", {"https://shop"})


@pytest.mark.parametrize(
    ("target", "authority"),
    [("/a?b=http://x", None), ("http://evil.example/a", "evil.example"), ("//evil.example/a", None), ("*", ""),
     ("http://[::1/a", ""), ("http:///a", "")],
)  # fmt: skip
def test_a_target_in_absolute_form_has_an_authority(target: str, authority: str | None) -> None:
    assert authority_of(target) == authority
