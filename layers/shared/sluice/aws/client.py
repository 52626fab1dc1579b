"""A small signed client for AWS services that speak JSON. boto3 costs 200 ms of a cold start; this, nothing."""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from sluice import deadline, endpoints, tls
from sluice.aws.credentials import CredentialProvider, CredentialsUnavailable
from sluice.aws.sigv4 import authorization_header
from sluice.settings import AwsSettings, SettingsError

MAX_IDLE = timedelta(
    seconds=15
)  # a connection that the service has closed meanwhile is noticed and replaced
RETRY_DELAY = 0.05  # before the second try: half of it to one and a half times
MIN_TIME_FOR_RETRY = 0.1  # of the request's time that must be left for a second try
THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "RequestThrottled",
    }
)


class AwsError(Exception):
    """A service refused, with what it `answer`ed, or could not be reached (`code` is then "Unreachable")."""

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
        self.retryable = retryable  # a second try may succeed


class AwsClient:
    """One service, by one connection that is kept. Safe to share between threads: they take turns.

    `version` is that of the JSON protocol. A call is sent once more where the service throttled it, failed (5xx) or did
    not respond in `timeout` seconds, if the request's deadline leaves time for that; and where the kept connection
    turned out to be closed. The first try may have been carried out, so every action must bear being sent twice.
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
        self._url = urlsplit(
            endpoint or f"https://{endpoints.host(service, settings.region, fips=settings.fips)}"
        )
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
        """The host, with its port if that is not the usual one."""
        return self._url.netloc

    def call(self, target: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Perform one action, such as `secretsmanager.GetSecretValue`, and return its result. AwsError if it fails."""
        payload = json.dumps(body).encode()
        with self._lock:
            try:
                return self._try(target, payload)
            except AwsError as error:
                if not error.retryable or deadline.cap(self._timeout) < MIN_TIME_FOR_RETRY:
                    raise
            self._sleep(RETRY_DELAY * random.uniform(0.5, 1.5))  # noqa: S311 - spreads callers, hides nothing
            return self._try(target, payload)

    def _try(self, target: str, payload: bytes) -> dict[str, Any]:
        status, answer = self._exchange(payload, self._headers(target, payload))
        if status != 200:
            code, message, problem = _refusal(answer)
            retryable = status >= 500 or status == 429 or code in THROTTLED or "Throttling" in code
            raise AwsError(code, message, problem, retryable=retryable)
        result: dict[str, Any] = json.loads(answer)
        return result

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

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
        if self._now() - self._used_at > MAX_IDLE:
            self.close()
        for kept in (self._connection is not None, False):
            try:
                return self._send(payload, headers)
            except (OSError, HTTPException) as error:
                self.close()
                if not kept or isinstance(error, TimeoutError):
                    raise AwsError(
                        "Unreachable", f"{self.netloc} does not answer", retryable=True
                    ) from error
        raise AssertionError("the second turn returns or raises")

    def _send(self, payload: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        timeout = deadline.cap(self._timeout)
        if self._connection is None:
            self._connection = tls.connect(self._url, timeout=timeout, ca_file=self._ca_file)
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        self._connection.request("POST", "/", payload, dict(headers))
        response = self._connection.getresponse()
        answer = response.read()
        self._used_at = self._now()
        return response.status, answer


def _load_trust_store(ca_file: str) -> None:
    """Read them now, so that they are in a snapshot of the environment (Lambda SnapStart)."""
    try:
        tls.trust_store(ca_file)
    except OSError as error:  # an SSLError is one
        raise SettingsError([f"AWS_CA_BUNDLE cannot be used: {error}"]) from error


def _refusal(answer: bytes) -> tuple[str, str, dict[str, Any]]:
    """The service's code, its message, and all it said; a proxy in between may answer something else than JSON."""
    try:
        problem = json.loads(answer)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return "Unknown", "no message", {}
    code = str(problem.get("__type", "Unknown")).rpartition("#")[2]
    return code, str(problem.get("message") or problem.get("Message") or "no message"), problem
