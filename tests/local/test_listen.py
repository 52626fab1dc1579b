"""Outside this machine, only the gateway can be reached, and only with `--listen 0.0.0.0`.

Another address of this machine stands for the outside, as in a container that publishes the port.
"""

import http.client
import ipaddress
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.docker_bridge import bridge_address
from testing.local_system import LocalSystem, temporary_system

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems have neither 127.0.0.2 nor /proc"
)

SERVERS = ("database_url", "dynamodb_url", "s3_url", "sqs_url")
LISTENING = "0A"  # in the tables of /proc/net


def own_addresses() -> list[str]:
    """Return addresses of this machine on which a server on 127.0.0.1 does not listen."""
    addresses = ["127.0.0.2"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the interface
        except OSError:  # a machine without a network
            return addresses
        return [*addresses, probe.getsockname()[0]]


OUTSIDE = own_addresses()


@pytest.fixture(scope="module")
def default() -> Iterator[LocalSystem]:
    with temporary_system() as system:
        yield system.start()


@pytest.fixture(scope="module")
def opened() -> Iterator[LocalSystem]:
    with temporary_system() as system:
        yield system.start("--listen", "0.0.0.0")  # noqa: S104 - what is tested


def status(address: str, port: int, path: str, method: str = "GET", **headers: str) -> int:
    """Send a request to that address, and return the status of its response."""
    connection = http.client.HTTPConnection(address, port, timeout=30)
    sent = {"X-API-Key": "local-admin"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=sent)
    with connection.getresponse() as response:
        response.read()
    connection.close()
    return response.status


def listening_sockets(system: LocalSystem) -> set[tuple[str, int]]:
    """Return the address and port of each TCP socket on which a process of the system listens."""
    inodes = set()
    for pid in (system.pid, *system.child_pids()):
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
            except FileNotFoundError:  # it was closed since
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTENING and inode in inodes:
                address, _, port = local.partition(":")
                found.add((_address(address), int(port, 16)))
    return found


def _address(digits: str) -> str:
    """Return an address of /proc/net, which has 32-bit words in the machine's byte order."""
    words = [bytes.fromhex(digits[i : i + 8])[::-1] for i in range(0, len(digits), 8)]
    return str(ipaddress.ip_address(b"".join(words)))


def reachable_from_outside(system: LocalSystem) -> set[tuple[str, int]]:
    """Return the sockets that are not on loopback or, for `sam local`, on Docker's bridge."""
    bridge = bridge_address()
    return {
        (address, port)
        for address, port in listening_sockets(system)
        if not ipaddress.ip_address(address).is_loopback and address != bridge
    }


def test_by_default_nothing_is_reachable_from_outside(default: LocalSystem) -> None:
    assert default.request("/api/products")[0] == 200

    assert ("127.0.0.1", default.port) in listening_sockets(default)
    assert reachable_from_outside(default) == set()
    for address in OUTSIDE:
        with socket.socket() as probe:
            assert probe.connect_ex((address, default.port)) != 0


def test_only_the_gateway_is_opened(opened: LocalSystem) -> None:
    assert opened.request("/api/products")[0] == 200  # its sandbox has a Runtime API

    sockets = listening_sockets(opened)
    assert reachable_from_outside(opened) == {("0.0.0.0", opened.port)}  # noqa: S104
    inside = {port for address, port in sockets if address == "127.0.0.1"}
    servers = {urlsplit(opened.local_json[name]).port for name in SERVERS}
    assert servers <= inside
    assert len(inside) > len(servers)  # a Runtime API, too
    for address in OUTSIDE:
        for port in inside:
            with socket.socket() as probe:
                assert probe.connect_ex((address, port)) != 0


@pytest.mark.parametrize("address", OUTSIDE)
@pytest.mark.parametrize("path", ["/api/products", "/console", "/docs", "/graphiql", "/"])
def test_host_is_checked_from_outside(opened: LocalSystem, address: str, path: str) -> None:
    port = opened.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        assert status(address, port, path, Host=host) == 200
    foreign = (f"evil.example:{port}", f"{address}:1", "127.0.0.1", f"0.0.0.0:{port}")
    for host in (*foreign, f"host.docker.internal:{port}", f"sluice:{port}"):
        assert status(address, port, path, Host=host) == 421


def test_own_address_is_no_host_name(opened: LocalSystem) -> None:
    """The browser must use 127.0.0.1 or localhost; another address may be a rebound name's."""
    for address in OUTSIDE[1:]:
        assert status(address, opened.port, "/console") == 421


@pytest.mark.parametrize("address", OUTSIDE)
def test_origin_is_checked_from_outside(opened: LocalSystem, address: str) -> None:
    port = opened.port
    host = f"127.0.0.1:{port}"
    for origin in ("https://evil.example", "null", f"http://192.0.2.1:{port}"):
        assert status(address, port, "/api/products", Host=host, Origin=origin) == 403
    local = "http://localhost:5173"
    assert status(address, port, "/api/products", Host=host, Origin=local) == 200
    assert status(address, port, "/console/keys", "POST", Host=host, Origin=local) == 403
    assert status(address, port, "/console/keys", "POST", Host=host) == 403


def test_start_says_who_reaches_the_port() -> None:
    with temporary_system() as system:
        system.start("--listen", "0.0.0.0")  # noqa: S104 - what is tested
        _, out, _ = system.stop()
    assert "all who reach this port can use the local keys and the console" in out
    assert "is ready at http://127.0.0.1:" in out


def test_other_addresses_are_usage_errors() -> None:
    with temporary_system() as system:
        process = system.spawn("--listen", "192.0.2.1")
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "invalid choice: '192.0.2.1'" in err
