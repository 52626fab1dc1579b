"""Pass files between the console's page and the emulated S3, which rejects requests of pages."""

import csv
import io
import itertools
import urllib.error
import urllib.request
from urllib.parse import urlsplit

MAX_ROWS = 50  # of the rejected rows
TIMEOUT = 60  # seconds


class ImportFileError(Exception):
    """The file cannot be passed on. The message says why."""


class ImportFiles:
    """The files of imports in `bucket` of the S3 at `endpoint`. Its methods block."""

    def __init__(self, endpoint: str, bucket: str) -> None:
        self._endpoint = endpoint
        self._bucket = bucket

    def upload(self, url: str, body: bytes) -> None:
        """Put a file to a presigned URL of the bucket. Raise ImportFileError."""
        self._require_own(url)
        headers = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(url, body, headers, method="PUT")  # noqa: S310
        try:
            urllib.request.urlopen(request, timeout=TIMEOUT).close()  # noqa: S310
        except OSError as error:
            raise ImportFileError(f"the upload was rejected: {error}") from error

    def rejected_rows(self, url: str) -> list[dict[str, str]]:
        """Return the first rows of a report at a presigned URL. Raise ImportFileError."""
        self._require_own(url)
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310
                rows = csv.DictReader(io.TextIOWrapper(response, encoding="utf-8", newline=""))
                return [dict(row) for row in itertools.islice(rows, MAX_ROWS)]
        except OSError as error:
            raise ImportFileError(f"the report cannot be read: {error}") from error

    def _require_own(self, url: str) -> None:
        """Reject every other URL: this process may reach more servers than a page may."""
        parts, own = urlsplit(url), urlsplit(self._endpoint)
        is_own = (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
        if not is_own or not parts.path.startswith(f"/{self._bucket}/"):
            raise ImportFileError("this is no URL of the imports' bucket")
