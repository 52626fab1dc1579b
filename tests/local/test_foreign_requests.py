"""Requests of foreign pages and processes to the gateway, the emulated AWS and the Runtime API."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local.aws import AwsServer
from local.invocation_result import InvocationResult
from local.runtime_api import Invocation, RuntimeApi
from tests.fixtures.waiting import asynchronous
from tests.local.conftest import ServeGateway

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/{}/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
SCAN = {
    "X-Amz-Target": "DynamoDB_20120810.ListTables",
    "Authorization": SIGNED.format("dynamodb"),
    "Content-Type": "application/x-amz-json-1.0",
}


@pytest.mark.parametrize(
    "host",
    ["evil.example:{port}", "127.0.0.1", "0.0.0.0:{port}", "localhost:1", "x.localhost:{port}"],
)
@asynchronous
async def test_gateway_rejects_foreign_hosts(serve: ServeGateway, host: str) -> None:
    async with serve() as (client, accesses):
        host = host.format(port=client.port)
        response = await client.send("GET", "/api/products", Host=host, X_API_Key="local-admin")
        page = await client.send("GET", "/console", Host=host)
        absolute = await client.send("GET", f"http://{host}/api/products")

    assert (response.status, page.status, absolute.status) == (421, 421, 421)
    assert [access.route for access in accesses] == [None, None, None]


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "LOCALHOST.:{port}", "[::1]:{port}", "[::ffff:127.0.0.1]:{port}"]
)
@asynchronous
async def test_gateway_accepts_loopback_names(serve: ServeGateway, host: str) -> None:
    async with serve() as (client, _):
        host = host.format(port=client.port)
        assert (await client.send("GET", "/api/products", Host=host)).status == 200
        assert (await client.send("GET", f"http://{host}/api/products", Host=host)).status == 200
        without_host = b"GET /api/products HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        assert (await client.ask(without_host)).status == 421


@asynchronous
async def test_gateway_rejects_foreign_pages(serve: ServeGateway) -> None:
    async with serve() as (client, _):
        send = client.send
        local = "http://localhost:5173"
        no_cors = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
        navigation = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
        responses = [
            await send("GET", "/api/products", Origin="https://evil.example"),
            await send("POST", "/api/products", {}, Origin="null"),
            await send("OPTIONS", "/api/products", Origin="https://evil.example"),
            await send("GET", "/api/products", **no_cors),
            await send("POST", "/console/anything", {}, Origin=local),
        ]
        page = await send("GET", "/api/products", Origin=local, Sec_Fetch_Site="cross-site")
        link = await send("GET", "/console", **navigation)

    assert [response.status for response in responses] == [403] * 5
    assert (page.status, link.status) == (200, 200)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    server = AwsServer(Path(tmp_path_factory.mktemp("aws")) / "aws.log")
    server.launch()
    server.wait()
    yield server
    server.stop()


def ask(
    url: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, Any]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        request = urllib.request.Request(url, body, sent, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return response.status, response
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:5173"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "dynamodb.us-east-1.amazonaws.com"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
    ids=str,
)
def test_emulated_services_reject_pages(aws: AwsServer, headers: dict[str, str]) -> None:
    assert ask(aws.endpoint, "POST", b"{}", **SCAN)[0] == 200

    status, response = ask(aws.endpoint, "POST", b"{}", **SCAN, **headers)

    assert status == 403
    assert "Access-Control-Allow-Origin" not in response.headers
    assert ask(aws.endpoint, "OPTIONS", **headers)[0] == 403


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/2015-03-31/functions/", "lambda"),
        ("/", "ec2"),
        ("/", "iam"),
        ("/", "LAMBDA"),
        ("/", "no-such-service"),
        ("/moto-api/data.json", ""),
        ("/moto-api/", "s3"),
        ("/latest/meta-data/iam/security-credentials/", ""),
        ("/lambda_us-east-1/2015-03-31/functions/", ""),
        ("/us-east-1_x/.well-known/jwks.json", ""),
        ("/favicon.ico", ""),
    ],
)
def test_unused_services_are_rejected(aws: AwsServer, path: str, service: str) -> None:
    headers = {"Authorization": SIGNED.format(service)} if service else {}
    for method in ("GET", "POST"):
        assert ask(f"{aws.endpoint}{path}", method, **headers)[0] == 403


def test_request_without_service_is_rejected(aws: AwsServer) -> None:
    assert ask(aws.endpoint, "POST", b"{}", Authorization=SIGNED.format("dynamodb"))[0] == 400


def test_presigned_urls_and_clients_work(aws: AwsServer) -> None:
    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=aws.endpoint,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(signature_version="v4"),
        )

    s3 = client("s3")
    s3.create_bucket(Bucket="imports")
    location = {"Bucket": "imports", "Key": "incoming/products/a.csv"}
    put, get = (
        s3.generate_presigned_url(name, Params=location) for name in ("put_object", "get_object")
    )
    link = get.replace("127.0.0.1", "localhost")
    navigation = {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "navigate"}

    assert ask(put, "PUT", b"name\n", Content_Type="text/csv")[0] == 200
    assert ask(link, **navigation)[0] == 200
    assert ask(put, "PUT", b"evil", Origin="https://evil.example")[0] == 403
    assert s3.get_object(**location)["Body"].read() == b"name\n"
    assert client("sqs").create_queue(QueueName="q")["QueueUrl"].startswith(aws.endpoint)
    assert client("secretsmanager").list_secrets()["SecretList"] == []
    assert client("sts").get_caller_identity()["Account"]


class RuntimeApiClient:
    """Sends requests to a Runtime API, as a runtime or as another process would."""

    def __init__(self, address: str) -> None:
        authority, _, self.secret = address.partition("/")
        self.host, _, self.port = authority.partition(":")

    async def ask(self, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(self.host, int(self.port))
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        response = await reader.read()
        writer.close()
        response_head, _, response_body = response.partition(b"\r\n\r\n")
        return int(response_head.split()[1]), response_body


NEXT = "/2018-06-01/runtime/invocation/next"


@asynchronous
async def test_runtime_api_rejects_other_processes() -> None:
    api = RuntimeApi("EchoFunction", 5.0)
    runtime = RuntimeApiClient(await api.start())
    invocation = Invocation(b'{"headers": {"x-api-key": "local-admin"}}')
    running = asyncio.create_task(api.invoke(invocation))
    result = f"/2018-06-01/runtime/invocation/{invocation.request_id}/response"
    error = "/2018-06-01/runtime/init/error"
    without_secret = [
        "/",
        NEXT,
        f"/{NEXT}",
        f"/x{NEXT}",
        f"/{runtime.secret[:-1]}{NEXT}",
        f"/{runtime.secret}x{NEXT}",
    ]

    forbidden = (403, json.dumps({"message": "Forbidden"}).encode())
    assert [await runtime.ask(path) for path in without_secret] == [forbidden] * 6
    assert (await runtime.ask(result, "POST", b'"evil"'))[0] == 403
    assert (await runtime.ask(error, "POST", b'{"errorType": "evil"}'))[0] == 403
    assert api.init_error is None
    assert not api.ready.is_set()
    assert await runtime.ask(f"/{runtime.secret}{NEXT}") == (200, invocation.event)
    assert (await runtime.ask(f"/{runtime.secret}{result}", "GET"))[0] == 404
    assert (await runtime.ask(f"/{runtime.secret}{result}", "POST", b'"mine"'))[0] == 202
    assert await running == InvocationResult(b'"mine"')
    await api.stop()


@asynchronous
async def test_second_wait_for_invocation_is_rejected() -> None:
    api = RuntimeApi("EchoFunction", 5.0)
    runtime = RuntimeApiClient(await api.start())
    waiting = asyncio.create_task(runtime.ask(f"/{runtime.secret}{NEXT}"))
    await api.ready.wait()

    assert (await runtime.ask(f"/{runtime.secret}{NEXT}"))[0] == 409

    running = asyncio.create_task(api.invoke(Invocation(b"1")))
    assert await waiting == (200, b"1")
    running.cancel()
    await api.stop()
