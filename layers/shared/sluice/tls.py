"""TLS connections to AWS services, with one SSL context for each process.

`ssl.create_default_context` reads some 140 certificate authorities in 33 to 50 ms of CPU. Seven of
them belong to Amazon and issue AWS's certificates. Reading those takes 2 to 4 ms. So only those are
read at first. The others are read when a certificate is from another authority.
"""

import ssl
from binascii import a2b_base64
from functools import cache
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"
_AMAZON_NAMES = (b"Amazon", b"Starfield")  # in the subjects of Amazon Trust Services' authorities


class TrustStore:
    """The certificate authorities of a PEM file (empty: the system's), as an SSL context.

    `context` trusts only Amazon's authorities until `trust_all` is called. If the file has none of
    them, it trusts all from the start. Raises OSError if the file cannot be read.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._trusts_all = False
        amazon = _amazon_certificates(file or ssl.get_default_verify_paths().cafile or "")
        if amazon:
            self.context = ssl.create_default_context(cadata=amazon)
        else:
            self.trust_all()

    def trust_all(self) -> bool:
        """Trust every authority of the file from now on. Return False if it already did."""
        if self._trusts_all:
            return False
        self.context = ssl.create_default_context(cafile=self._file or None)
        self._trusts_all = True
        return True


@cache
def trust_store(file: str = "") -> TrustStore:
    """Return the trust store of `file`, read once for each process. Raise OSError."""
    return TrustStore(file)


def connect(url: SplitResult, *, timeout: float, ca_file: str = "") -> HTTPConnection:
    """Open a connection to the host of `url`. Raise OSError (or its subclass SSLError)."""
    if url.scheme == "http":
        plain = HTTPConnection(url.netloc, timeout=timeout)
        plain.connect()
        return plain
    store = trust_store(ca_file)
    try:
        return _connect_tls(url.netloc, timeout, store.context)
    except ssl.SSLCertVerificationError:
        if not store.trust_all():
            raise
        return _connect_tls(url.netloc, timeout, store.context)


def _connect_tls(netloc: str, timeout: float, context: ssl.SSLContext) -> HTTPSConnection:
    connection = HTTPSConnection(netloc, timeout=timeout, context=context)
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection


def _amazon_certificates(file: str) -> bytes:
    """Return the certificates of Amazon's authorities in `file`, in DER, or empty bytes."""
    if not Path(file).is_file():
        return b""
    _, *blocks = Path(file).read_bytes().split(_BEGIN)
    certificates = (a2b_base64(block.partition(_END)[0]) for block in blocks)
    return b"".join(der for der in certificates if any(name in der for name in _AMAZON_NAMES))
