"""How bytes reach the database: one TCP socket, tuned for short requests, under TLS that verifies or not at all.

pg8000's own socket is not used: it delays messages over 8 KB (Nagle), builds a certificate store for each
connection and then verifies nothing, and goes on in plain text where the server refuses TLS.
"""

import socket
import ssl
from contextlib import suppress
from functools import lru_cache
from struct import Struct

from pg8000.exceptions import InterfaceError

from sluice.settings import TlsMode

# pg8000's words, which SQLAlchemy looks for, where the connection is gone and the server has not said why.
NETWORK_ERROR = "network error"
CLOSED = "connection is closed"
DISCONNECT_MESSAGES = (NETWORK_ERROR, CLOSED)

_SSL_REQUEST = Struct("!ii").pack(8, 80877103)
_REFUSED = "the server refuses TLS"

# Idle 30 s, then a probe each 10 s, dead after 3: a peer that vanished under a long statement is noticed within a
# minute. Unacknowledged data is given up after 5 s: NAT gateways drop silently what a frozen environment left open.
_TUNING = (
    ("SOL_SOCKET", "SO_KEEPALIVE", 1),
    ("IPPROTO_TCP", "TCP_NODELAY", 1),
    ("IPPROTO_TCP", "TCP_KEEPIDLE", 30),
    ("IPPROTO_TCP", "TCP_KEEPINTVL", 10),
    ("IPPROTO_TCP", "TCP_KEEPCNT", 3),
    ("IPPROTO_TCP", "TCP_USER_TIMEOUT", 5000),  # milliseconds
)


@lru_cache(maxsize=8)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """The verifying context for these authorities (empty: the system's), made once for each process.

    Raises OSError where the file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context(cafile=ca_file or None)
    # Python 3.13 turned on RFC 5280 pedantry, which several authorities of RDS fail ("basic constraints not marked
    # critical"). Chain, dates and host name stay verified.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def open_socket(
    host: str, port: int, *, tls: TlsMode, ca_file: str, connect_timeout: float
) -> socket.socket:
    """Connect, and speak TLS before anything else unless `tls` is off.

    A `host` that starts with / is the folder of the server's Unix socket, where TLS has no meaning.
    The socket keeps `connect_timeout`. Raises InterfaceError, from the cause, when nobody answers, the certificate
    does not verify, or the server refuses TLS: there is no plain text to fall back to.
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
    except OSError as error:  # certificate errors are OSErrors too
        raise InterfaceError(f"cannot connect to {host}:{port}") from error


def _open_unix_socket(path: str, connect_timeout: float) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX)
    try:
        opened.settimeout(connect_timeout)
        opened.connect(path)
    except BaseException:
        opened.close()
        raise
    return opened


def _tune(plain: socket.socket) -> None:
    for level, option, value in _TUNING:
        if hasattr(socket, option):  # macOS lacks some of them
            with suppress(OSError):  # tuning only: never a reason not to connect
                plain.setsockopt(getattr(socket, level), getattr(socket, option), value)


def _encrypt(plain: socket.socket, host: str, ca_file: str) -> ssl.SSLSocket:
    plain.sendall(_SSL_REQUEST)
    if plain.recv(1) != b"S":
        raise ConnectionRefusedError(_REFUSED)
    return tls_context(ca_file).wrap_socket(plain, server_hostname=host)
