"""A small client for AWS services with a JSON protocol. Importing boto3 would take 200 ms."""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from sluice import endpoints, request_context, tls
from sluice.aws.credentials import CredentialProvider, CredentialsUnavailable
from sluice.aws.sigv4 import authorization_header
from sluice.settings import AwsSettings, SettingsError

MAX_IDLE = timedelta(seconds=15)  # if the service closes earlier, the request is sent again
RETRY_DELAY = 0.05  # seconds before the second attempt, times 0.5 to 1.5
MIN_TIME_FOR_RETRY = 0.1  # seconds of the request's time that a second attempt needs
CONDITION_FAILED = "ConditionalCheckFailedException"  # of DynamoDB
THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "RequestThrottled",
    }
)


class AwsError(Exception):
    """A service rejected a call, or could not be reached (`code` is then "Unreachable").

    `code` is "Unknown" if the response is not the service's, for example an HTML page of a proxy.
    `response` is the body of the rejection. `retryable`: a second attempt may succeed.
    """

    def __init__(
        self,
        code: str,
        message: str,
        response: Mapping[str, Any] | None = None,
        *,
        retryable: bool = False,
    ):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.response = response or {}
        self.retryable = retryable


class AwsClient:
    """A client of one service, with one kept connection. Threads may share it: a lock serializes
    calls.

    `version` is the version of the JSON protocol; `timeout` is in seconds, for each attempt. A call
    is sent a second time if the service throttled it, failed (5xx) or did not respond, and the
    request's deadline leaves time. It is also sent again if the kept connection was closed. The
    service may have executed the first attempt, so every call must be safe to repeat.
    """

    def __init__(
        self,
        settings: AwsSettings,
        service: str,
        *,
        endpoint: str = "",
        version: str = "1.1",
        timeout: float = 2.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials = CredentialProvider(settings, now=now)
        self._region = settings.region
        self._service = service
        host = endpoints.host(service, settings.region, fips=settings.fips)
        self._url = urlsplit(endpoint or f"https://{host}")
        self._ca_file = settings.ca_file
        if self._url.scheme == "https":
            _load_trust_store(settings.ca_file)
        self._media_type = f"application/x-amz-json-{version}"
        self._timeout = timeout
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._used_at = now()

    @property
    def netloc(self) -> str:
        """The host, with its port unless that is the default."""
        return self._url.netloc

    def call(self, target: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Call an action such as `secretsmanager.GetSecretValue`; return its result.

        Raise AwsError if it fails.
        """
        payload = json.dumps(body).encode()
        with self._lock:
            try:
                return self._attempt(target, payload)
            except AwsError as error:
                if not error.retryable or request_context.cap(self._timeout) < MIN_TIME_FOR_RETRY:
                    raise
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads clients, not a secret
            self._sleep(RETRY_DELAY * jitter)
            return self._attempt(target, payload)

    def close(self) -> None:
        """Close the connection. The next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _attempt(self, target: str, payload: bytes) -> dict[str, Any]:
        status, body = self._exchange(payload, self._headers(target, payload))
        response = _parse_object(body)
        if status == 200:
            if response is None:
                raise AwsError("Unknown", "the response is not a JSON object", retryable=True)
            return response
        problem = response or {}
        code = str(problem.get("__type", "Unknown")).rpartition("#")[2]
        message = str(problem.get("message") or problem.get("Message") or "no message")
        is_throttled = status == 429 or code in THROTTLED or "Throttling" in code
        raise AwsError(code, message, problem, retryable=status >= 500 or is_throttled)

    def _headers(self, target: str, payload: bytes) -> dict[str, str]:
        headers = {
            "content-type": self._media_type,
            "host": self._url.netloc,
            "x-amz-date": self._now().strftime("%Y%m%dT%H%M%SZ"),
            "x-amz-target": target,
        }
        try:
            credentials = self._credentials.current()
        except CredentialsUnavailable as error:
            raise AwsError("Unreachable", str(error)) from error
        if credentials.session_token:
            headers["x-amz-security-token"] = credentials.session_token
        headers["authorization"] = authorization_header(
            credentials, self._region, self._service, headers, payload
        )
        return headers

    def _exchange(self, payload: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send the request, and once more if the service had closed the kept connection."""
        if self._now() - self._used_at > MAX_IDLE:
            self.close()
        for is_kept in (self._connection is not None, False):
            try:
                return self._send(payload, headers)
            except (OSError, HTTPException) as error:
                self.close()
                if not is_kept or isinstance(error, TimeoutError):
                    message = f"{self.netloc} does not respond"
                    raise AwsError("Unreachable", message, retryable=True) from error
        raise AssertionError("the second iteration returns or raises")

    def _send(self, payload: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        timeout = request_context.cap(self._timeout)
        if self._connection is None:
            self._connection = tls.connect(self._url, timeout=timeout, ca_file=self._ca_file)
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        self._connection.request("POST", "/", payload, dict(headers))
        response = self._connection.getresponse()
        body = response.read()
        self._used_at = self._now()
        return response.status, body


def _load_trust_store(ca_file: str) -> None:
    """Read the certificate authorities now, so that a SnapStart snapshot has them.

    Raise SettingsError if the file is unusable.
    """
    try:
        tls.trust_store(ca_file)
    except OSError as error:  # SSLError is one
        raise SettingsError([f"AWS_CA_BUNDLE cannot be used: {error}"]) from error


def _parse_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a response, or None for another body, for example of a proxy."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
