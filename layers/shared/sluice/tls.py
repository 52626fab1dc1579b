"""TLS to AWS: one context for all clients of this process, and connections that use it.

`ssl.create_default_context` reads some 140 authorities, which takes 33 to 50 ms of CPU. AWS's certificates are of
Amazon's own authorities, seven of them, which take 2 to 4 ms. So those are read, out of the same file; the others only
where a certificate turns out to be of another authority.
"""

import ssl
from binascii import a2b_base64
from functools import cache
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_AMAZONS = (b"Amazon", b"Starfield")  # in the names of the Amazon Trust Services' authorities


class TrustStore:
    """The authorities in a PEM file (empty: the system's) and the context that verifies by them.

    `context` trusts Amazon's authorities alone until `widen` was called.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._is_whole = False
        amazons = _amazons(file or ssl.get_default_verify_paths().cafile or "")
        if amazons:
            self.context = ssl.create_default_context(cadata=amazons)
        else:
            self.trust_all()

    def trust_all(self) -> bool:
        """Trust every authority of the file from now on. Return whether that changes anything."""
        if self._is_whole:
            return False
        self.context = ssl.create_default_context(cafile=self._file or None)
        self._is_whole = True
        return True


@cache
def trust_store(file: str = "") -> TrustStore:
    """Return those of this file, read once for each process. OSError where it cannot be read."""
    return TrustStore(file)


def connect(url: SplitResult, *, timeout: float, ca_file: str = "") -> HTTPConnection:
    """Open a connection to the host of `url`; OSError (ssl.SSLError among them) where that fails."""
    if url.scheme == "http":
        plain = HTTPConnection(url.netloc, timeout=timeout)
        plain.connect()
        return plain
    trusted = trust_store(ca_file)
    try:
        return _encrypted(url.netloc, timeout, trusted.context)
    except ssl.SSLCertVerificationError:
        if not trusted.trust_all():
            raise
        return _encrypted(url.netloc, timeout, trusted.context)


def _encrypted(netloc: str, timeout: float, context: ssl.SSLContext) -> HTTPSConnection:
    connection = HTTPSConnection(netloc, timeout=timeout, context=context)
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection


def _amazons(file: str) -> bytes:
    """The certificates of Amazon's authorities in `file`, in DER; empty where there is no such file or none in it."""
    if not Path(file).is_file():
        return b""
    _, *bodies = Path(file).read_bytes().split(_BEGIN)
    found = (a2b_base64(body.partition(_END)[0]) for body in bodies)
    return b"".join(der for der in found if any(name in der for name in _AMAZONS))
