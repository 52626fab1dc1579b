"""A client of a deployment, which knows it only by its URL and an API key: for the black-box suite.

It waits where a person would: while the limit of its key is used up, and while the database resumes.
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

WAIT_SECONDS = 120.0  # for a database that resumes, or a file that is imported
MOST_WAITS = 4  # for the key's limit, in one request
FORGOTTEN = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. Header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem, which must have its whole shape."""
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
        """Pointers and parameters at fault."""
        return {error.get("pointer") or error["parameter"] for error in self.json["errors"]}


@dataclass
class Deployment:
    """`hosts` are addresses of host names that this machine does not know, such as an emulator's.

    `sam_local`: the gateway is the one of `sam local start-api`, which does less than API Gateway. Its containers call
    this machine `host.docker.internal`, in presigned URLs too.
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
        """Return the one that `make e2e` names; None where it names none."""

        def given(name: str) -> str:
            return os.environ.get(f"SLUICE_E2E_{name}", "")

        if not given("URL"):
            return None
        sam_local = bool(given("SAM_LOCAL"))
        hosts = {"host.docker.internal": "127.0.0.1"} if sam_local else {}
        hosts |= dict(pair.split("=") for pair in given("HOSTS").split(",") if pair)
        return cls(
            given("URL").rstrip("/"),
            given("KEY"),
            given("LIMITED_KEY"),
            given("ORIGIN"),
            hosts,
            sam_local,
        )

    def __call__(
        self, method: str, target: str, body: Any = FORGOTTEN, /, *, key: str | None = None, raw: bytes | None = None,
        **headers: str,
    ) -> Answer:  # fmt: skip
        """Send one request. `target` goes out as it is; header names take _ for -; `key=""` sends none."""
        sent = {"x-api-key": self.key if key is None else key}
        if not sent["x-api-key"]:
            del sent["x-api-key"]
        if body is not FORGOTTEN:
            raw, sent["content-type"] = json.dumps(body).encode(), "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        for _ in range(MOST_WAITS):
            answer = self.send(method, self.url + target, raw, sent)
            if answer.status != 429 or key is not None:
                break
            time.sleep(int(answer.headers["retry-after"]))
        return answer

    def send(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
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
            given = {"host": parts.netloc, "content-length": str(len(body or b"")), **headers}
            for name, value in given.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def graphql(self, query: str, variables: Any = None, **headers: str) -> Any:
        """The data of an operation that has no errors."""
        answer = self("POST", "/api/graphql", {"query": query, "variables": variables}, **headers)
        assert answer.status == 200, answer.body
        assert "errors" not in answer.json, answer.body
        return answer.json["data"]

    def until_ready(self) -> Answer:
        """`GET /health/ready`, once it is 200."""
        return self.until(
            lambda: self("GET", "/health/ready", key=""), lambda answer: answer.status == 200
        )

    def until(self, ask: Callable[[], Answer], holds: Callable[[Answer], bool]) -> Answer:
        """What `ask` returns once it holds; AssertionError with the last one after WAIT_SECONDS."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds(answer := ask()):
            assert time.monotonic() < deadline, (answer.status, answer.body[:2_000])
            time.sleep(0.5)
        return answer

    def skip_on_sam_local(self, reason: str) -> None:
        """Skip this test where `sam local start-api` does otherwise than API Gateway."""
        if self.sam_local:
            pytest.skip(f"sam local start-api {reason}")

    def region(self) -> str | None:
        """Of an API Gateway's own host name: `<id>.execute-api.<region>.amazonaws.com`."""
        host = (urlsplit(self.url).hostname or "").split(".")
        return host[2] if host[1:2] == ["execute-api"] else None
