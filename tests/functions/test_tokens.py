"""Callers with JSON Web Tokens, at the handlers, whose issuer publishes its keys over HTTP or fails to."""

import dataclasses
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
from tests.fixtures.shop import Shop
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

DAY = 86_400
Bearer = Callable[..., Any]


def http(body: bytes, *heads: bytes) -> bytes:
    return b"\r\n".join(
        [b"HTTP/1.1 200 OK", *(heads or (b"Content-Length: %d" % len(body),)), b"", body]
    )


class Issuer(ThreadingTCPServer):
    """Answers every request with `answer`, to the byte, and hangs up."""

    allow_reuse_address = daemon_threads = True
    answer = http(jwks_document(r=RSA))
    asked = 0


class Answering(StreamRequestHandler):
    server: Issuer

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.server.asked += 1
        self.wfile.write(self.server.answer)


@pytest.fixture
def issuer(shop: Shop) -> Iterator[Issuer]:
    """Its tokens are taken from now on, with two requests a day for each client, in an environment that is new."""
    with Issuer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        here = runtime.current()
        tokens = JwtSettings(ISSUER, AUDIENCE, f"http://127.0.0.1:{server.server_address[1]}/keys")
        tiers = {**here.settings.rate_tiers, "default": (2, DAY)}
        settings = dataclasses.replace(here.settings, jwt=tokens, rate_tiers=tiers)
        runtime.set_current(runtime.Runtime(settings, here.database))
        yield server
        server.shutdown()


@pytest.fixture
def bearer(shop: Shop, issuer: Issuer) -> Bearer:
    """`bearer(token, method, path)`: asks with a token and no key."""

    def ask(token: str, method: str = "GET", path: str = "/api/products") -> Any:
        shop.headers = {}
        return shop.call(method, path, authorization=f"Bearer {token}")

    return ask


def subject() -> str:
    return f"canary-token {time.time_ns()}"


def test_a_token_opens_what_its_scopes_name_within_its_subjects_quota(
    bearer: Bearer, issuer: Issuer
) -> None:
    ada, bob = subject(), subject()
    assert bearer(token(sub=ada)).status == 200
    refused = bearer(token(sub=ada, jti="another"), "POST")
    assert (refused.status, refused.code) == (403, "insufficient_scope")
    assert bearer(token(sub=ada)).status == 429
    assert bearer(token(sub=bob)).status == 200
    assert issuer.asked == 1


@pytest.mark.parametrize(
    "shown",
    [
        token(OTHER_RSA),
        token(kid="another"),
        token(exp=time.time() - DAY),
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
def test_a_token_that_does_not_hold_is_a_strangers(bearer: Bearer, shown: str) -> None:
    refused = bearer(shown)

    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert "RateLimit" not in refused.headers


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        http(b"<html>"),
        http(b'{"keys": []}'),
        http(jwks_document(r=RSA)[:-20], b"Content-Length: 1000"),
        http(b"3e8\r\n{", b"Transfer-Encoding: chunked"),
        http(b'{"keys": [' + b" " * 2**20 + b"]}"),
        http(b"[" * 100_000),
        http(b"[]"),
        http(jwks_document(r=RSA)).replace(b"200 OK", b"203 Changed", 1),
    ],
    ids=[
        "hangs up",
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
def test_an_issuer_that_cannot_be_asked_shuts_nobody_out_who_has_a_key(
    shop: Shop, bearer: Bearer, issuer: Issuer, answer: bytes
) -> None:
    issuer.answer = answer
    keys = dict(shop.headers)
    refused = bearer(token())

    assert (refused.status, refused.code) == (503, "identity_unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    shop.headers = keys
    assert shop.get("/api/products").status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_the_issuer_is_not_followed(
    bearer: Bearer, issuer: Issuer, status: int
) -> None:
    place = f"http://127.0.0.1:{issuer.server_address[1]}/elsewhere"
    issuer.answer = (
        f"HTTP/1.1 {status} Moved\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
    )

    assert bearer(token()).code == "identity_unavailable"
    assert issuer.asked == 1


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n{"],
    ids=["none", "head", "body"],
)
def test_an_issuer_that_never_ends_its_answer_is_given_up(sent: bytes) -> None:
    given_up = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        holding = Thread(target=hold, args=(server, sent, given_up))
        holding.start()

        with pytest.raises(TimeoutError):
            fetch(f"http://127.0.0.1:{server.getsockname()[1]}/keys", timeout=0.2)
        given_up.set()
        holding.join()


def hold(server: socket.socket, sent: bytes, given_up: Event) -> None:
    """Sends this, and nothing more until the client has given up."""
    connection, _ = server.accept()
    with connection:
        connection.sendall(sent)
        given_up.wait(10)


def test_a_token_without_key_id_is_taken(bearer: Bearer, issuer: Issuer) -> None:
    claims = {**CLAIMS, "sub": subject(), "exp": time.time() + 600}

    assert bearer(jwt.encode(claims, RSA, algorithm="RS256")).status == 200
    assert bearer(jwt.encode(claims, OTHER_RSA, algorithm="RS256")).status == 401
