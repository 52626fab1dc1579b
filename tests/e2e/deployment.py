"""HTTP client of a deployment for the black-box tests; it knows only the URL and API keys.

It waits and retries while the rate limit of its key is used up and while the database resumes.
"""

import json
import os
import secrets
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

WAIT_SECONDS = 120.0  # for a resuming database or an import
MAX_ATTEMPTS = 4  # of a request that is rate limited
NO_BODY = object()


@dataclass(frozen=True, slots=True)
class DeploymentResponse:
    """An HTTP response. Header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Return the code of a problem, after checking that the problem is complete."""
        assert self.headers.get("content-type") == "application/problem+json", (
            self.status,
            self.headers,
            self.body,
        )
        problem = self.json
        assert {"type", "title", "status", "detail", "code", "request_id"} <= set(problem), problem
        assert problem["status"] == self.status
        assert problem["request_id"] == self.headers["x-request-id"]
        return str(problem["code"])

    @property
    def errors(self) -> set[str]:
        """Return the pointers and parameters of the errors."""
        return {error.get("pointer") or error["parameter"] for error in self.json["errors"]}


@dataclass
class Deployment:
    """A deployment under test.

    `hosts` maps host names without DNS, such as an emulator's, to addresses.
    `sam_local`: the gateway is `sam local start-api`, which does less than API Gateway. Its
    containers call this machine `host.docker.internal`, also in presigned URLs.
    """

    url: str
    key: str
    limited_key: str = ""
    origin: str = ""
    hosts: dict[str, str] = field(default_factory=dict)
    sam_local: bool = False
    run: str = field(default_factory=lambda: f"e2e-{secrets.token_hex(5)}")

    @classmethod
    def from_environment(cls) -> "Deployment | None":
        """Return the deployment that `make e2e` names, or None."""

        def variable(name: str) -> str:
            return os.environ.get(f"SLUICE_E2E_{name}", "")

        if not variable("URL"):
            return None
        sam_local = bool(variable("SAM_LOCAL"))
        hosts = {"host.docker.internal": "127.0.0.1"} if sam_local else {}
        hosts |= dict(pair.split("=") for pair in variable("HOSTS").split(",") if pair)
        return cls(
            variable("URL").rstrip("/"),
            variable("KEY"),
            variable("LIMITED_KEY"),
            variable("ORIGIN"),
            hosts,
            sam_local,
        )

    def __call__(
        self,
        method: str,
        target: str,
        body: Any = NO_BODY,
        /,
        *,
        key: str | None = None,
        raw: bytes | None = None,
        **headers: str,
    ) -> DeploymentResponse:
        """Send a request; `target` is sent unchanged, `_` in header names becomes `-`.

        `key=""` sends no API key. A 429 is retried, unless the test passes its own key.
        """
        sent = {"x-api-key": self.key if key is None else key}
        if not sent["x-api-key"]:
            del sent["x-api-key"]
        if body is not NO_BODY:
            raw, sent["content-type"] = json.dumps(body).encode(), "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        for _ in range(MAX_ATTEMPTS):
            response = self.send(method, self.url + target, raw, sent)
            if response.status != 429 or key is not None:
                break
            time.sleep(int(response.headers["retry-after"]))
        return response

    def send(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> DeploymentResponse:
        """Send a request to any URL, such as a presigned one."""
        parts = urlsplit(url)
        address = self.hosts.get(parts.hostname or "", parts.hostname or "")
        connection: HTTPConnection
        if parts.scheme == "https":
            connection = HTTPSConnection(
                address, parts.port, timeout=60, context=ssl.create_default_context()
            )
        else:
            connection = HTTPConnection(address, parts.port, timeout=60)
        try:
            connection.putrequest(method, url.partition(parts.netloc)[2] or "/", skip_host=True)
            sent = {"host": parts.netloc, "content-length": str(len(body or b"")), **headers}
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return DeploymentResponse(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def graphql(self, query: str, variables: Any = None, **headers: str) -> Any:
        """Return the data of an operation. Fails if it has errors."""
        response = self("POST", "/api/graphql", {"query": query, "variables": variables}, **headers)
        assert response.status == 200, response.body
        assert "errors" not in response.json, response.body
        return response.json["data"]

    def until_ready(self) -> DeploymentResponse:
        """Wait until /health/ready is 200 and return that response."""
        return self.until(
            lambda: self("GET", "/health/ready", key=""), lambda response: response.status == 200
        )

    def until(
        self,
        send: Callable[[], DeploymentResponse],
        condition: Callable[[DeploymentResponse], bool],
    ) -> DeploymentResponse:
        """Call `send` until `condition` holds, and return that response.

        Raises AssertionError after WAIT_SECONDS.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition(response := send()):
            assert time.monotonic() < deadline, (response.status, response.body[:2_000])
            time.sleep(0.5)
        return response

    def skip_on_sam_local(self, reason: str) -> None:
        """Skip this test on `sam local start-api`, which differs from API Gateway here."""
        if self.sam_local:
            pytest.skip(f"sam local start-api {reason}")

    def region(self) -> str | None:
        """Return the region of an `<id>.execute-api.<region>.amazonaws.com`, else None."""
        host = (urlsplit(self.url).hostname or "").split(".")
        return host[2] if host[1:2] == ["execute-api"] else None
