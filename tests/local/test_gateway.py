"""The gateway as a client meets it, over a socket: routes, answers, limits, and requests that are none."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest

from local.gateway import LIMITS, Access, Gateway
from local.http1 import Limits
from local.template import Cors, Route, Template
from tests.local.conftest import PoolOpener
from tests.local.waiting import asynchronous, until

ECHO = "def handler(event, context): return event.get('body') and __import__('json').loads(event['body']) or event"
SLOW = "import time\ndef handler(event, context): time.sleep(5)"
ROUTES = (
    "ANY /api/products",
    "ANY /api/products/{id}",
    "GET /api/products/new",
    "POST /files/{proxy+}",
)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


class Client:
    """One connection; sends bytes as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self.port: int = writer.get_extra_info("peername")[1]

    async def ask(self, request: bytes, *, head: bool = False) -> Answer:
        self.writer.write(request)
        return await self.read(head=head)

    async def read(self, *, head: bool = False) -> Answer:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(": ")
            headers[name] = f"{headers[name]}\n{value}" if name in headers else value
        length = 0 if head else int(headers.get("content-length", 0))
        return Answer(int(lines[0].split()[1]), headers, await self._reader.readexactly(length))

    async def send(self, method: str, path: str, answer: object = None, **headers: str) -> Answer:
        """A request the echo function answers with `answer`, or with its event."""
        body = b"" if answer is None else json.dumps(answer).encode()
        fields = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
        ]
        return await self.ask("\r\n".join([*lines, "", ""]).encode() + body, head=method == "HEAD")

    async def at_end(self) -> bool:
        return await self._reader.read() == b""


Served = Callable[..., AbstractAsyncContextManager[tuple[Client, list[Access]]]]


@pytest.fixture
def serve(open_pool: PoolOpener) -> Served:
    """`async with serve(…) as (client, accesses)`: a gateway with one function behind all of ROUTES."""

    @asynccontextmanager
    async def serving(
        source: str = ECHO,
        *,
        routes: tuple[str, ...] = ROUTES,
        cors: Cors | None = None,
        limits: Limits = LIMITS,
        integration_seconds: float = 30.0,
        **settings: object,
    ) -> AsyncIterator[tuple[Client, list[Access]]]:
        accesses: list[Access] = []
        async with open_pool(source, **settings) as (pool, _):
            template = Template({}, tuple(Route(key, "EchoFunction") for key in routes), cors)
            gateway = Gateway(
                template,
                {"EchoFunction": pool},
                accesses.append,
                limits=limits,
                integration_seconds=integration_seconds,
            )
            port = await gateway.start()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                yield Client(reader, writer), accesses
            finally:
                writer.close()
                await gateway.stop()

    return serving


@asynchronous
async def test_a_connection_serves_one_request_after_another(serve: Served) -> None:
    async with serve() as (client, accesses):
        first = await client.send("GET", "/api/products?limit=2")
        second = await client.send("POST", "/api/products", {"statusCode": 201, "body": "made"})
    assert (first.status, second.status, second.body) == (200, 201, b"made")
    assert [(access.method, access.target, access.status) for access in accesses] == [
        ("GET", "/api/products?limit=2", 200),
        ("POST", "/api/products", 201),
    ]
    assert accesses[0].init is not None
    assert accesses[1].init is None


@pytest.mark.parametrize(
    ("method", "path", "route", "parameters"),
    [
        ("GET", "/api/products", "ANY /api/products", None),
        ("PATCH", "/api/products/7", "ANY /api/products/{id}", {"id": "7"}),
        ("GET", "/api/products/a%20b%2Fc", "ANY /api/products/{id}", {"id": "a b/c"}),
        ("GET", "/api/products/new", "GET /api/products/new", None),
        ("PUT", "/api/products/new", "ANY /api/products/{id}", {"id": "new"}),
        ("POST", "/files/a/b%20c", "POST /files/{proxy+}", {"proxy": "a/b c"}),
    ],
)
def test_the_most_specific_route_takes_a_request(
    serve: Served, method: str, path: str, route: str, parameters: dict[str, str] | None
) -> None:
    @asynchronous
    async def ask() -> None:
        async with serve() as (client, _):
            event = (await client.send(method, path)).json
        assert isinstance(event, dict)
        assert event["routeKey"] == route
        assert event.get("pathParameters") == parameters

    ask()


@asynchronous
async def test_what_no_route_takes_is_not_found_and_reaches_no_function(serve: Served) -> None:
    async with serve("import no_such_module") as (client, accesses):
        for method, path in (("GET", "/nowhere"), ("GET", "/api/products/"), ("GET", "/files/a")):
            answer = await client.send(method, path)
            assert (answer.status, answer.json) == (404, {"message": "Not Found"}), path
    assert {access.function for access in accesses} == {None}


@asynchronous
async def test_the_default_route_takes_the_rest(serve: Served) -> None:
    async with serve(routes=(*ROUTES, "$default")) as (client, _):
        event = (await client.send("GET", "/elsewhere")).json
    assert isinstance(event, dict)
    assert (event["routeKey"], event["rawPath"]) == ("$default", "/elsewhere")


@pytest.mark.parametrize(
    ("returned", "status", "kind", "body"),
    [
        ({"statusCode": 200, "body": "hello"}, 200, "text/plain;charset=UTF-8", b"hello"),
        (
            {"statusCode": "404", "headers": {"Content-Type": "a/b"}, "body": "ü"},
            404,
            "a/b",
            "ü".encode(),
        ),
        (
            {
                "statusCode": 200,
                "body": base64.b64encode(b"\x00\xff").decode(),
                "isBase64Encoded": True,
            },
            200,
            "text/plain;charset=UTF-8",
            b"\x00\xff",
        ),
        ({"no": "status"}, 200, "application/json", b'{"no":"status"}'),
        ([1, "é"], 200, "application/json", '[1,"é"]'.encode()),
        ("plain", 200, "application/json", b"plain"),
        ({"statusCode": 204}, 204, None, b""),
        ({"statusCode": 304, "headers": {"etag": '"1"'}}, 304, None, b""),
    ],
)
def test_what_a_function_returns_is_what_the_client_gets(
    serve: Served, returned: object, status: int, kind: str | None, body: bytes
) -> None:
    @asynchronous
    async def ask() -> None:
        async with serve() as (client, _):
            answer = await client.send("POST", "/api/products", returned)
            assert (await client.send("POST", "/api/products", {"statusCode": 200})).status == 200
        assert (answer.status, answer.headers.get("content-type"), answer.body) == (
            status,
            kind,
            body,
        )

    ask()


@pytest.mark.parametrize(
    "returned",
    [
        {"statusCode": "fine"},
        {"statusCode": 1000},
        {"statusCode": 200, "body": {"an": "object"}},
        {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"x": ["a"]}},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: b"}},
        {"statusCode": 200, "cookies": ["a\nb"]},
    ],
)
def test_an_answer_that_cannot_be_sent_is_an_internal_error(
    serve: Served, returned: object
) -> None:
    @asynchronous
    async def ask() -> None:
        async with serve() as (client, _):
            answer = await client.send("POST", "/api/products", returned)
        assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})

    ask()


@asynchronous
async def test_cookies_become_headers_of_their_own(serve: Served) -> None:
    async with serve() as (client, _):
        answer = await client.send(
            "POST", "/api/products", {"statusCode": 200, "cookies": ["a=1; Secure", "b=2"]}
        )
    assert answer.headers["set-cookie"] == "a=1; Secure\nb=2"


@asynchronous
async def test_head_reaches_the_function_and_its_body_stays_behind(serve: Served) -> None:
    async with serve(
        "def handler(event, context): return event['requestContext']['http']['method']"
    ) as (client, _):
        answer = await client.send("HEAD", "/api/products")
        after = await client.send("GET", "/api/products")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "4", b"")
    assert after.body == b"GET"


@asynchronous
async def test_a_function_that_fails_is_an_internal_error_that_tells_nothing(serve: Served) -> None:
    async with serve("def handler(event, context): raise ValueError('secret')") as (
        client,
        accesses,
    ):
        answer = await client.send("GET", "/api/products")
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})
    assert accesses[0].error == "ValueError: secret"


@asynchronous
async def test_the_gateway_does_not_wait_longer_than_its_timeout(serve: Served) -> None:
    async with serve(SLOW, integration_seconds=0.2, timeout=10) as (client, _):
        answer = await client.send("GET", "/api/products")
    assert answer.status == 504


@asynchronous
async def test_a_throttled_request_is_told_that_the_service_is_unavailable(serve: Served) -> None:
    async with serve(SLOW, integration_seconds=0.2, timeout=10, concurrency=1) as (
        client,
        accesses,
    ):
        await client.send("GET", "/api/products")
        answer = await client.send("GET", "/api/products")
    assert [access.status for access in accesses] == [504, 503]
    assert answer.json == {"message": "Service Unavailable"}


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
            b"POST /api/products HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
        ),
        (
            b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
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
def test_a_request_that_cannot_be_read_is_refused(
    serve: Served, request_: bytes, status: int
) -> None:
    @asynchronous
    async def ask() -> None:
        async with serve("import no_such_module") as (client, _):
            answer = await client.ask(request_)
        assert answer.status == status
        assert isinstance(answer.json, dict)
        assert list(answer.json) == ["message"]

    ask()


@asynchronous
async def test_a_refused_connection_is_closed(serve: Served) -> None:
    async with serve() as (client, _):
        answer = await client.ask(b"nonsense\r\n\r\n")
        assert answer.headers["connection"] == "close"
        assert await client.at_end()


@asynchronous
async def test_a_chunked_body_arrives_whole(serve: Served) -> None:
    async with serve() as (client, _):
        head = b"POST /api/products HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
        answer = await client.ask(
            head % client.port
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b'4;x=y\r\n{"a"\r\n3\r\n: 1\r\n1\r\n}\r\n0\r\nTrailer: z\r\n\r\n'
        )
        after = await client.send("GET", "/api/products")
    assert answer.json == {"a": 1}
    assert after.status == 200


@asynchronous
async def test_a_client_that_asks_first_is_told_to_go_on(serve: Served) -> None:
    async with serve() as (client, _):
        head = b"POST /api/products HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
        go_on = await client.ask(
            head % client.port + b"Content-Length: 8\r\nExpect: 100-continue\r\n\r\n"
        )
        answer = await client.ask(b'{"a": 1}')
    assert go_on.status == 100
    assert answer.json == {"a": 1}


@pytest.mark.parametrize(
    "sent", [b"GET /api/pro", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"]
)
def test_a_client_that_stops_halfway_is_not_waited_for(serve: Served, sent: bytes) -> None:
    @asynchronous
    async def ask() -> None:
        limits = Limits(head=10_240, body=100, head_seconds=0.1, body_seconds=0.1)
        async with serve("import no_such_module", limits=limits) as (client, _):
            assert (await client.ask(sent)).status == 408

    ask()


@asynchronous
async def test_an_idle_connection_is_closed_without_a_word(serve: Served) -> None:
    async with serve(limits=Limits(head=10_240, body=100, idle=0.1)) as (client, _):
        assert await client.at_end()


@asynchronous
async def test_a_preflight_reaches_the_function_where_the_template_says_nothing_of_cors(
    serve: Served,
) -> None:
    async with serve() as (client, accesses):
        answer = await client.send(
            "OPTIONS",
            "/api/products",
            Origin="http://localhost:5173",
            Access_Control_Request_Method="PUT",
        )
        await until(lambda: bool(accesses))
    assert isinstance(answer.json, dict)
    assert answer.json["requestContext"]["http"]["method"] == "OPTIONS"
    assert "access-control-allow-origin" not in answer.headers


@asynchronous
async def test_configured_cors_is_answered_by_the_gateway(serve: Served) -> None:
    cors = Cors(
        origins=("https://shop",), methods=("GET", "PUT"), headers=("x-api-key",), max_age=60
    )
    preflight = {"Access_Control_Request_Method": "PUT"}
    async with serve(cors=cors) as (client, _):
        allowed = await client.send("OPTIONS", "/api/products", Origin="https://shop", **preflight)
        other = await client.send(
            "OPTIONS", "/api/products", Origin="http://localhost:5173", **preflight
        )
        own = {"statusCode": 200, "headers": {"access-control-allow-origin": "*"}}
        plain = await client.send("POST", "/api/products", own, Origin="https://shop")
    assert (allowed.status, allowed.headers["access-control-allow-methods"]) == (204, "GET,PUT")
    assert allowed.headers["access-control-max-age"] == "60"
    assert "access-control-allow-origin" not in other.headers
    assert plain.headers["access-control-allow-origin"] == "https://shop"
