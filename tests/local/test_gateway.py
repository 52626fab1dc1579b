"""The gateway over a socket: routes, responses, timeouts and CORS."""

import base64

import pytest

from local.template import CorsConfiguration
from tests.fixtures.waiting import asynchronous, until
from tests.local.conftest import ROUTES, ServeGateway

SLOW = "import time\ndef handler(event, context): time.sleep(5)"


@asynchronous
async def test_connection_is_kept_alive(serve: ServeGateway) -> None:
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
def test_most_specific_route_matches(
    serve: ServeGateway, method: str, path: str, route: str, parameters: dict[str, str] | None
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
async def test_unmatched_path_is_not_found(serve: ServeGateway) -> None:
    async with serve("import no_such_module") as (client, accesses):
        for method, path in (("GET", "/nowhere"), ("GET", "/api/products/"), ("GET", "/files/a")):
            response = await client.send(method, path)
            assert (response.status, response.json) == (404, {"message": "Not Found"}), path
    assert {access.function for access in accesses} == {None}


@asynchronous
async def test_default_route_matches_other_paths(serve: ServeGateway) -> None:
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
def test_function_result_becomes_response(
    serve: ServeGateway, returned: object, status: int, kind: str | None, body: bytes
) -> None:
    @asynchronous
    async def ask() -> None:
        async with serve() as (client, _):
            response = await client.send("POST", "/api/products", returned)
            assert (await client.send("POST", "/api/products", {"statusCode": 200})).status == 200
        assert (response.status, response.headers.get("content-type"), response.body) == (
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
def test_malformed_result_is_internal_error(serve: ServeGateway, returned: object) -> None:
    @asynchronous
    async def ask() -> None:
        async with serve() as (client, _):
            response = await client.send("POST", "/api/products", returned)
        assert (response.status, response.json) == (500, {"message": "Internal Server Error"})

    ask()


@asynchronous
async def test_each_cookie_becomes_a_header(serve: ServeGateway) -> None:
    async with serve() as (client, _):
        response = await client.send(
            "POST", "/api/products", {"statusCode": 200, "cookies": ["a=1; Secure", "b=2"]}
        )
    assert response.headers["set-cookie"] == "a=1; Secure\nb=2"


@asynchronous
async def test_head_response_has_no_body(serve: ServeGateway) -> None:
    async with serve(
        "def handler(event, context): return event['requestContext']['http']['method']"
    ) as (client, _):
        response = await client.send("HEAD", "/api/products")
        after = await client.send("GET", "/api/products")
    assert (response.status, response.headers["content-length"], response.body) == (200, "4", b"")
    assert after.body == b"GET"


@asynchronous
async def test_function_error_is_not_disclosed(serve: ServeGateway) -> None:
    async with serve("def handler(event, context): raise ValueError('secret')") as (
        client,
        accesses,
    ):
        response = await client.send("GET", "/api/products")
    assert (response.status, response.json) == (500, {"message": "Internal Server Error"})
    assert accesses[0].error == "ValueError: secret"


@asynchronous
async def test_slow_function_times_out(serve: ServeGateway) -> None:
    async with serve(SLOW, integration_seconds=0.2, timeout=10) as (client, _):
        response = await client.send("GET", "/api/products")
    assert response.status == 504


@asynchronous
async def test_throttled_request_is_unavailable(serve: ServeGateway) -> None:
    async with serve(SLOW, integration_seconds=0.2, timeout=10, concurrency=1) as (
        client,
        accesses,
    ):
        await client.send("GET", "/api/products")
        response = await client.send("GET", "/api/products")
    assert [access.status for access in accesses] == [504, 503]
    assert response.json == {"message": "Service Unavailable"}


@asynchronous
async def test_preflight_without_cors_reaches_function(
    serve: ServeGateway,
) -> None:
    async with serve() as (client, accesses):
        response = await client.send(
            "OPTIONS",
            "/api/products",
            Origin="http://localhost:5173",
            Access_Control_Request_Method="PUT",
        )
        await until(lambda: bool(accesses))
    assert isinstance(response.json, dict)
    assert response.json["requestContext"]["http"]["method"] == "OPTIONS"
    assert "access-control-allow-origin" not in response.headers


@asynchronous
async def test_gateway_answers_configured_cors(serve: ServeGateway) -> None:
    cors = CorsConfiguration(
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
