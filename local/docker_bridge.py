"""Let the containers of `sam local` reach servers on 127.0.0.1 of this machine.

Containers use the host name HOST. Docker Desktop resolves it to the machine's loopback. On Linux
(with `--add-host host.docker.internal:host-gateway`) it is the address of Docker's bridge, where
no server listens. A `PortForwarder` listens there and passes connections on; only containers and
this machine can reach it. `sam_env_vars` returns the environment variables for these containers.
"""

import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from sluice.http.cors import LOOPBACK
from sluice.settings import DatabaseSettings

HOST = "host.docker.internal"
BRIDGE = "docker0"
SIOCGIFADDR = 0x8915  # Linux's ioctl for the address of an interface


class PortForwarder:
    """A context manager that forwards `port` of Docker's bridge to the same port of 127.0.0.1.

    Without a bridge it does nothing.
    """

    def __init__(self, port: int, *, address: str | None = None) -> None:
        self._port = port
        self._address = address or bridge_address()
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        if self._address is not None:
            self._listener = socket.create_server((self._address, self._port))
            threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._listener is not None:
            with suppress(OSError):  # shutdown wakes `accept`, close alone does not
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                outside, _ = listener.accept()
            except OSError:  # the listener was closed
                return
            try:
                inside = socket.create_connection(("127.0.0.1", self._port), 2)
            except OSError:
                outside.close()
                continue
            inside.settimeout(None)
            for source, sink in ((outside, inside), (inside, outside)):
                threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def sam_env_vars(
    app: DatabaseSettings,
    analyst: DatabaseSettings,
    owner: DatabaseSettings,
    cursor_key: str,
    *,
    aws_port: int,
    tables: Mapping[str, str],
    bucket: str,
) -> dict[str, dict[str, str]]:
    """Return the document for `sam local --env-vars`: the addresses of this machine's servers."""
    aws = f"http://{HOST}:{aws_port}"
    shared = {
        "SLUICE_DB_HOST": HOST,
        "SLUICE_DB_PORT": str(app.port),
        "SLUICE_DB_NAME": app.name,
        "SLUICE_DB_SECRET_ARN": "",
        "SLUICE_DB_TLS": "off",
        "SLUICE_CURSOR_KEY": cursor_key,
        **tables,
        "SLUICE_CORS_ORIGINS": LOOPBACK,
        "AWS_ENDPOINT_URL_DYNAMODB": aws,
    }
    return {
        "Parameters": {**shared, "SLUICE_DB_USER": app.user, "SLUICE_DB_PASSWORD": app.password},
        "AnalyticsFunction": {
            "SLUICE_ANALYST_USER": analyst.user,
            "SLUICE_ANALYST_PASSWORD": analyst.password,
            "SLUICE_ANALYST_SECRET_ARN": "",
        },
        "ImportsFunction": {"SLUICE_IMPORTS_BUCKET": bucket, "AWS_ENDPOINT_URL_S3": aws},
        "MigrateFunction": {"SLUICE_DB_USER": owner.user, "SLUICE_DB_PASSWORD": owner.password},
    }


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Copy one direction of a connection until its end, then shut both sockets down."""
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    source.close()


def bridge_address() -> str | None:
    """Return the address of Docker's bridge, or None without one (Docker Desktop, or no Docker)."""
    try:
        import fcntl

        request = struct.pack("256s", BRIDGE.encode())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            response = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, request)
    except (ImportError, OSError):
        return None
    return socket.inet_ntoa(response[20:24])
