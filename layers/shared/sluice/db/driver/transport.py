"""Open the socket to the database: tuned for short requests, with verified TLS or without TLS.

pg8000's own socket is not used. It delays messages over 8 KB (Nagle's algorithm). It creates a
certificate store for each connection but verifies nothing. It continues in plain text if the server
rejects TLS.
"""

import socket
import ssl
from contextlib import suppress
from functools import lru_cache
from struct import Struct
from typing import Any

from pg8000.exceptions import InterfaceError

from sluice.settings import TlsMode

# pg8000's messages for a lost connection without a report of the server. SQLAlchemy knows them.
NETWORK_ERROR = "network error"
CLOSED = "connection is closed"
DISCONNECT_MESSAGES = (NETWORK_ERROR, CLOSED)

_SSL_REQUEST = Struct("!ii").pack(8, 80877103)
_TLS_REJECTED = "the server rejects TLS"

# After 30 s of silence, TCP sends a probe every 10 s, and detects a dead peer within a minute, even
# during a long statement. TCP gives up after 5 s without an acknowledgement, because NAT gateways
# silently drop the connections of a frozen execution environment. On Linux this time also replaces
# TCP_KEEPCNT: https://man7.org/linux/man-pages/man7/tcp.7.html
_SOCKET_OPTIONS = (
    ("SOL_SOCKET", "SO_KEEPALIVE", 1),
    ("IPPROTO_TCP", "TCP_NODELAY", 1),
    ("IPPROTO_TCP", "TCP_KEEPIDLE", 30),
    ("IPPROTO_TCP", "TCP_KEEPINTVL", 10),
    ("IPPROTO_TCP", "TCP_KEEPCNT", 3),
    ("IPPROTO_TCP", "TCP_USER_TIMEOUT", 5000),  # milliseconds
)


@lru_cache(maxsize=8)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """Return the context that verifies certificates, created once for each process.

    `ca_file` has the certificate authorities in PEM (empty: the system's). Raise OSError if it
    cannot be read or has no certificate.
    """
    context = ssl.create_default_context(cafile=ca_file or None)
    # Python 3.13 sets VERIFY_X509_STRICT (RFC 5280), which several authorities of RDS fail ("basic
    # constraints not marked critical"). Chain, dates and host name are still verified.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def open_socket(
    host: str, port: int, *, tls: TlsMode, ca_file: str, connect_timeout: float
) -> socket.socket:
    """Return a connected socket, encrypted before anything else is sent unless `tls` is off.

    A `host` that starts with / is the directory of the server's Unix socket, without TLS. The
    timeout of the socket stays at `connect_timeout` seconds.

    Raise InterfaceError, with the cause, if the server does not answer, its certificate is not
    valid, or it rejects TLS. There is no fallback to plain text.
    """
    try:
        if host.startswith("/"):
            return _open_unix_socket(f"{host}/.s.PGSQL.{port}", connect_timeout)
        plain = socket.create_connection((host, port), connect_timeout)
        try:
            _tune(plain)
            return plain if tls == "off" else _encrypt(plain, host, ca_file)
        except BaseException:
            plain.close()
            raise
    except OSError as error:  # certificate errors are OSErrors, too
        raise InterfaceError(f"cannot connect to {host}:{port}") from error


def _open_unix_socket(path: str, connect_timeout: float) -> socket.socket:
    unix_socket = socket.socket(socket.AF_UNIX)
    try:
        unix_socket.settimeout(connect_timeout)
        unix_socket.connect(path)
    except BaseException:
        unix_socket.close()
        raise
    return unix_socket


def _tune(plain: socket.socket) -> None:
    for level, option, value in _SOCKET_OPTIONS:
        if hasattr(socket, option):  # macOS lacks some of them
            with suppress(OSError):  # an untuned socket still works
                plain.setsockopt(getattr(socket, level), getattr(socket, option), value)


def _encrypt(plain: socket.socket, host: str, ca_file: str) -> ssl.SSLSocket:
    plain.sendall(_SSL_REQUEST)
    if plain.recv(1) != b"S":
        raise ConnectionRefusedError(_TLS_REJECTED)
    return tls_context(ca_file).wrap_socket(plain, server_hostname=host)


def is_disconnect(error: BaseException, connection: Any) -> bool:
    """Return whether a connection is unusable: closed by this client or by the server."""
    is_closed = getattr(connection, "closed", False)
    return is_closed or (isinstance(error, InterfaceError) and str(error) in DISCONNECT_MESSAGES)
