"""The HTTP/1.1 server behind the gateway: malformed requests, limits, bodies and connections."""

import pytest

from local.http1 import HttpLimits
from tests.fixtures.waiting import asynchronous
from tests.local.conftest import ServeGateway

POST_HEAD = (
    b"POST /api/products HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"GET /api/products\r\n\r\n", 400),
        (b"GET  /api/products HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"G(T /api/products HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET products HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /api/products HTTP/1.1\r\n\r\n", 400),
        (b"GET /api/products HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /api/products HTTP/1.1\r\nHost: x\r\nBroken\r\n\r\n", 400),
        (b"GET /api/products HTTP/1.1\r\nHost: x\r\nSpaced : y\r\n\r\n", 400),
        (b"GET /api/products HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400),
        (b"GET /api/products HTTP/1.1\r\nHost: x\x00\r\n\r\n", 400),
        (b"GET /api/products HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"POST /api/products HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (
            b"POST /api/products HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
        ),
        (
            b"POST /a HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10485761\r\n\r\n", 413),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
        (b"GET /a HTTP/1.1\r\nHost: x\r\nLong: " + b"y" * 11_000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    ],
)
def test_malformed_request_is_rejected(serve: ServeGateway, request_: bytes, status: int) -> None:
    @asynchronous
    async def ask() -> None:
        async with serve("import no_such_module") as (client, _):
            response = await client.ask(request_)
        assert response.status == status
        assert isinstance(response.json, dict)
        assert list(response.json) == ["message"]

    ask()


@asynchronous
async def test_malformed_request_closes_connection(serve: ServeGateway) -> None:
    async with serve() as (client, _):
        response = await client.ask(b"nonsense\r\n\r\n")
        assert response.headers["connection"] == "close"
        assert await client.at_end()


@asynchronous
async def test_chunked_body_is_complete(serve: ServeGateway) -> None:
    async with serve() as (client, _):
        response = await client.ask(
            POST_HEAD % client.port
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b'4;x=y\r\n{"a"\r\n3\r\n: 1\r\n1\r\n}\r\n0\r\nTrailer: z\r\n\r\n'
        )
        after = await client.send("GET", "/api/products")
    assert response.json == {"a": 1}
    assert after.status == 200


@asynchronous
async def test_expect_continue_is_answered(serve: ServeGateway) -> None:
    async with serve() as (client, _):
        interim = await client.ask(
            POST_HEAD % client.port + b"Content-Length: 8\r\nExpect: 100-continue\r\n\r\n"
        )
        response = await client.ask(b'{"a": 1}')
    assert interim.status == 100
    assert response.json == {"a": 1}


@pytest.mark.parametrize(
    "sent", [b"GET /api/pro", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"]
)
def test_incomplete_request_times_out(serve: ServeGateway, sent: bytes) -> None:
    @asynchronous
    async def ask() -> None:
        limits = HttpLimits(head=10_240, body=100, head_seconds=0.1, body_seconds=0.1)
        async with serve("import no_such_module", limits=limits) as (client, _):
            assert (await client.ask(sent)).status == 408

    ask()


@asynchronous
async def test_idle_connection_is_closed(serve: ServeGateway) -> None:
    async with serve(limits=HttpLimits(head=10_240, body=100, idle=0.1)) as (client, _):
        assert await client.at_end()
