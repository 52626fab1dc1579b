"""The doorway, on another address of the loopback in place of Docker's bridge."""

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
    """A server on 127.0.0.1 that gives one connection its own words back; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:  # the test ended without a word
                return
            with connection:
                while said := connection.recv(65536):
                    connection.sendall(said)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def test_what_is_said_at_the_bridge_is_heard_and_answered_on_the_loopback(echo: int) -> None:
    said = b"x" * 300_000
    heard = b""
    with (
        PortForwarder(echo, address=BRIDGE),
        socket.create_connection((BRIDGE, echo), 5) as outside,
    ):
        threading.Thread(target=outside.sendall, args=(said,), daemon=True).start()
        while len(heard) < len(said):
            heard += outside.recv(65536)
    assert heard == said


def test_one_who_finds_nobody_behind_the_doorway_is_hung_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with (
        PortForwarder(port, address=BRIDGE),
        socket.create_connection((BRIDGE, port), 5) as outside,
    ):
        assert outside.recv(1) == b""


def test_a_doorway_that_was_left_is_closed(echo: int) -> None:
    with PortForwarder(echo, address=BRIDGE):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((BRIDGE, echo), 5)


def test_the_variables_for_sam_make_settings_that_reach_the_host() -> None:
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
    assert (functions.host, functions.port, functions.user, functions.password) == (
        HOST,
        5499,
        "sluice_app",
        "a",
    )
    assert (migrate.user, migrate.password, migrate.tls) == ("owner", "b", "off")
    analytics = Settings.from_env(
        variables["Parameters"] | variables["AnalyticsFunction"]
    ).adhoc_sql
    assert analytics is not None
    assert (analytics.database.user, analytics.database.password) == ("sluice_analyst", "c")
    imports = Settings.from_env(variables["Parameters"] | variables["ImportsFunction"])
    assert (imports.aws.s3_endpoint, imports.imports_bucket) == (f"http://{HOST}:5000", "files")
