"""A small signed client for AWS services that speak JSON. boto3 costs 200 ms of a cold start; this, nothing."""

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from sluice.settings import AwsSettings
from sluice.signing import KeysUnavailable, Role, authorization

MOST_IDLE = timedelta(seconds=5)


class AwsError(Exception):
    """A service refused, with what it `answer`ed, or could not be reached (`code` is then "Unreachable")."""

    def __init__(self, code: str, message: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.answer = answer or {}


class Client:
    """One service, by one connection that is kept. Safe to share between threads: they take turns.

    `version` is that of the JSON protocol. A connection that idled is not trusted: what froze with its environment may
    be closed at the other end. An action that met a dead one is sent once more, so it must bear being done twice.
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
    ) -> None:
        self._role = Role(settings, now=now)
        self._region = settings.region
        self._service = service
        self._url = urlsplit(endpoint or f"https://{service}.{settings.region}.amazonaws.com")
        self._media_type = f"application/x-amz-json-{version}"
        self._timeout = timeout
        self._now = now
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._used_at = now()

    def call(self, target: str, body: Mapping[str, object]) -> dict[str, Any]:
        """One action, such as `secretsmanager.GetSecretValue`; AwsError where it fails."""
        payload = json.dumps(body).encode()
        with self._lock:
            status, answer = self._exchange(payload, self._headers(target, payload))
        if status != 200:
            raise AwsError(*_refusal(answer))
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
            keys = self._role.keys()
        except KeysUnavailable as error:
            raise AwsError("Unreachable", str(error)) from error
        if keys.session_token:
            headers["x-amz-security-token"] = keys.session_token
        headers["authorization"] = authorization(keys, self._region, self._service, headers, payload)
        return headers

    def _exchange(self, payload: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if self._now() - self._used_at > MOST_IDLE:
            self.close()
        for kept in (self._connection is not None, False):
            try:
                return self._send(payload, headers)
            except (OSError, HTTPException) as error:
                self.close()
                if not kept or isinstance(error, TimeoutError):
                    raise AwsError("Unreachable", f"{self._url.netloc} does not answer") from error
        raise AssertionError("the second turn returns or raises")

    def _send(self, payload: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if self._connection is None:
            connect = HTTPConnection if self._url.scheme == "http" else HTTPSConnection
            self._connection = connect(self._url.netloc, timeout=self._timeout)
        self._connection.request("POST", "/", payload, dict(headers))
        response = self._connection.getresponse()
        answer = response.read()
        self._used_at = self._now()
        return response.status, answer


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
