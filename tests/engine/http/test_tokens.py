"""Requests with JSON Web Tokens, and failures of the issuer that publishes the keys."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any

import jwt
import pytest

from sluice import runtime
from sluice.identity.jwks import fetch
from sluice.settings import JwtSettings
from tests.fixtures.sample import Library
from tests.fixtures.tokens import (
    AUDIENCE,
    CLAIMS,
    HEAD,
    ISSUER,
    OTHER_RSA,
    RSA,
    jwks_document,
    signed,
    token,
)

DAY_SECONDS = 86_400
SendWithToken = Callable[..., Any]


def http_response(body: bytes, *heads: bytes) -> bytes:
    headers = heads or (b"Content-Length: %d" % len(body),)
    return b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"", body])


class JwksServer(ThreadingTCPServer):
    """An issuer that sends the bytes of `response` to every request and closes the connection."""

    allow_reuse_address = daemon_threads = True
    response = http_response(jwks_document(r=RSA))
    requests = 0


class JwksHandler(StreamRequestHandler):
    server: JwksServer

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.server.requests += 1
        self.wfile.write(self.server.response)


@pytest.fixture
def issuer(library: Library) -> Iterator[JwksServer]:
    """Start an issuer and trust its tokens, with a quota of two requests a day per client."""
    with JwksServer(("127.0.0.1", 0), JwksHandler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        current = runtime.current()
        tokens = JwtSettings(ISSUER, AUDIENCE, f"http://127.0.0.1:{server.server_address[1]}/keys")
        tiers = {**current.settings.rate_tiers, "default": (2, DAY_SECONDS)}
        settings = current.settings._replace(jwt=tokens, rate_tiers=tiers)
        runtime.set_current(runtime.Runtime(settings, current.database))
        yield server
        server.shutdown()


@pytest.fixture
def send_with_token(library: Library, issuer: JwksServer) -> SendWithToken:
    """Return a function that sends a request with a token and without API key."""

    def send(token: str, method: str = "GET", path: str = "/api/books") -> Any:
        library.headers = {}
        return library.call(method, path, authorization=f"Bearer {token}")

    return send


def subject() -> str:
    return f"canary-token {time.time_ns()}"


def test_token_has_its_scopes_and_quota(send_with_token: SendWithToken, issuer: JwksServer) -> None:
    ada = subject()
    bob = subject()
    assert send_with_token(token(sub=ada)).status == 200
    rejected = send_with_token(token(sub=ada, jti="another"), "POST")
    assert (rejected.status, rejected.code) == (403, "insufficient_scope")
    assert send_with_token(token(sub=ada)).status == 429
    assert send_with_token(token(sub=bob)).status == 200
    assert issuer.requests == 1


@pytest.mark.parametrize(
    "invalid",
    [
        token(OTHER_RSA),
        token(kid="another"),
        token(exp=time.time() - DAY_SECONDS),
        token(aud="another"),
        signed(b'{"kid": "r"}', json.dumps(CLAIMS).encode()),
        signed(b"[" * 5_000, b"{}"),
        signed(HEAD, b"[" * 5_000),
        f"{token()}, Bearer {token()}",
        "a.b.c",
        "\udc80",
    ],
    ids=[
        "forged",
        "unknown id",
        "expired",
        "for others",
        "no algorithm",
        "deep",
        "deep claims",
        "two",
        "none",
        "bytes",
    ],
)
def test_invalid_token_is_401(send_with_token: SendWithToken, invalid: str) -> None:
    rejected = send_with_token(invalid)

    assert (rejected.status, rejected.code) == (401, "unauthenticated")
    assert "RateLimit" not in rejected.headers


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        http_response(b"<html>"),
        http_response(b'{"keys": []}'),
        http_response(jwks_document(r=RSA)[:-20], b"Content-Length: 1000"),
        http_response(b"3e8\r\n{", b"Transfer-Encoding: chunked"),
        http_response(b'{"keys": [' + b" " * 2**20 + b"]}"),
        http_response(b"[" * 100_000),
        http_response(b"[]"),
        http_response(jwks_document(r=RSA)).replace(b"200 OK", b"203 Changed", 1),
    ],
    ids=[
        "closes the connection",
        "fails",
        "other protocol",
        "no JSON",
        "no keys",
        "cut short",
        "cut in a chunk",
        "too long",
        "deep",
        "a list",
        "not 200",
    ],
)
def test_unusable_issuer_leaves_api_keys_working(
    library: Library, send_with_token: SendWithToken, issuer: JwksServer, response: bytes
) -> None:
    issuer.response = response
    keys = dict(library.headers)
    rejected = send_with_token(token())

    assert (rejected.status, rejected.code) == (503, "identity_unavailable")
    assert int(rejected.headers["Retry-After"]) >= 1
    library.headers = keys
    assert library.get("/api/books").status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_of_the_issuer_is_not_followed(
    send_with_token: SendWithToken, issuer: JwksServer, status: int
) -> None:
    location = f"http://127.0.0.1:{issuer.server_address[1]}/elsewhere"
    issuer.response = (
        f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    )

    assert send_with_token(token()).code == "identity_unavailable"
    assert issuer.requests == 1


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n{"],
    ids=["none", "head", "body"],
)
def test_endless_issuer_response_times_out(sent: bytes) -> None:
    given_up = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        holding = Thread(target=send_and_wait, args=(server, sent, given_up))
        holding.start()

        with pytest.raises(TimeoutError):
            fetch(f"http://127.0.0.1:{server.getsockname()[1]}/keys", timeout=0.2)
        given_up.set()
        holding.join()


def send_and_wait(server: socket.socket, sent: bytes, given_up: Event) -> None:
    """Send these bytes, then nothing until the client has given up."""
    connection, _ = server.accept()
    with connection:
        connection.sendall(sent)
        given_up.wait(10)


def test_token_without_key_id_is_accepted(
    send_with_token: SendWithToken, issuer: JwksServer
) -> None:
    claims = {**CLAIMS, "sub": subject(), "exp": time.time() + 600}

    assert send_with_token(jwt.encode(claims, RSA, algorithm="RS256")).status == 200
    assert send_with_token(jwt.encode(claims, OTHER_RSA, algorithm="RS256")).status == 401
