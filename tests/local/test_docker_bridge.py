"""The port forwarder, on another loopback address instead of Docker's bridge."""

import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from local.docker_bridge import HOST, PortForwarder, sam_env_vars
from sluice.settings import DatabaseSettings, Settings

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere Docker Desktop leads to the loopback itself"
)

BRIDGE = "127.0.0.2"


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server on 127.0.0.1 that echoes the data of one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:  # the test ended without a connection
                return
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def test_data_is_forwarded_in_both_directions(echo: int) -> None:
    sent = b"x" * 300_000
    received = b""
    with (
        PortForwarder(echo, address=BRIDGE),
        socket.create_connection((BRIDGE, echo), 5) as outside,
    ):
        threading.Thread(target=outside.sendall, args=(sent,), daemon=True).start()
        while len(received) < len(sent):
            received += outside.recv(65536)
    assert received == sent


def test_connection_without_server_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with (
        PortForwarder(port, address=BRIDGE),
        socket.create_connection((BRIDGE, port), 5) as outside,
    ):
        assert outside.recv(1) == b""


def test_exit_closes_the_listener(echo: int) -> None:
    with PortForwarder(echo, address=BRIDGE):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((BRIDGE, echo), 5)


def test_sam_variables_reach_the_host() -> None:
    app = DatabaseSettings(
        host="127.0.0.1", name="shop", user="sluice_app", port=5499, password="a"
    )
    owner = DatabaseSettings(host="127.0.0.1", name="shop", user="owner", port=5499, password="b")
    analyst = DatabaseSettings(
        host="127.0.0.1", name="shop", user="sluice_analyst", port=5499, password="c"
    )
    tables = {"SLUICE_API_KEYS_TABLE": "keys", "SLUICE_RATE_LIMIT_TABLE": "counts"}
    variables = sam_env_vars(
        app, analyst, owner, "sixteen characters", aws_port=5000, tables=tables, bucket="files"
    )
    assert Settings.from_env(variables["Parameters"]).aws.dynamodb_endpoint == f"http://{HOST}:5000"
    functions = Settings.from_env(variables["Parameters"]).database
    migrate = Settings.from_env(variables["Parameters"] | variables["MigrateFunction"]).database
    assert (functions.host, functions.port) == (HOST, 5499)
    assert (functions.user, functions.password) == ("sluice_app", "a")
    assert (migrate.user, migrate.password, migrate.tls) == ("owner", "b", "off")
    analytics = Settings.from_env(
        variables["Parameters"] | variables["AnalyticsFunction"]
    ).adhoc_sql
    assert analytics is not None
    assert (analytics.database.user, analytics.database.password) == ("sluice_analyst", "c")
    imports = Settings.from_env(variables["Parameters"] | variables["ImportsFunction"])
    assert (imports.aws.s3_endpoint, imports.imports_bucket) == (f"http://{HOST}:5000", "files")
