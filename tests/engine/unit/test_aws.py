"""The AWS client and passwords from Secrets Manager; signatures are compared with botocore's."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from sluice.aws.client import AwsClient, AwsError
from sluice.db.passwords import SECRET_CACHE_SECONDS, SecretPassword
from sluice.errors import DatabaseUnavailable
from sluice.settings import AwsSettings

NOW = datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)
STAMP = "20260131T123456Z"
KEYS = {
    "region": "eu-central-1",
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG",
}


@contextmanager
def service(
    status: int, response: bytes
) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Run a service that sends one response to every request. Yield its URL and the requests."""
    requests: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sign_with_botocore(
    settings: AwsSettings, url: str, headers: dict[str, str], body: bytes
) -> str:
    """Return botocore's Authorization header for the same request at the same time."""
    request = AWSRequest("POST", url, headers=headers, data=body)
    request.context["timestamp"] = STAMP
    credentials = Credentials(
        settings.access_key_id, settings.secret_access_key, settings.session_token or None
    )
    signer: Any = SigV4Auth(credentials, "secretsmanager", settings.region)
    string_to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    signature = signer.signature(string_to_sign, request)
    signer._inject_signature_to_request(request, signature)
    return str(request.headers["Authorization"])


def signed_headers(headers: dict[str, str]) -> list[str]:
    """Return the names of the headers that the Authorization header signs."""
    return headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")


@pytest.mark.parametrize("session_token", ["", "FwoGZXIvYXdzE//token=="])
def test_signature_equals_botocores(session_token: str) -> None:
    settings = AwsSettings(**KEYS, session_token=session_token)
    body = {"SecretId": "arn:aws:secretsmanager:x", "Ümlaut": "ß"}
    with service(200, b"{}") as (url, requests):
        client = AwsClient(settings, "secretsmanager", endpoint=url, now=lambda: NOW)
        client.call("secretsmanager.GetSecretValue", body)
        client.close()
    ((headers, sent),) = requests
    assert (headers["x-amz-date"], json.loads(sent)) == (STAMP, body)
    assert headers.get("x-amz-security-token", "") == session_token
    same = {name: headers[name] for name in signed_headers(headers)}
    assert headers["authorization"] == sign_with_botocore(settings, url, same, sent)


@pytest.mark.parametrize("session_token", ["", "token"])
def test_all_relevant_headers_are_signed(session_token: str) -> None:
    settings = AwsSettings(**KEYS, session_token=session_token)
    with service(200, b"{}") as (url, requests):
        AwsClient(settings, "secretsmanager", endpoint=url).call("t", {})
    headers, _ = requests[0]
    expected = [
        "content-type",
        "host",
        "x-amz-date",
        *(["x-amz-security-token"] if session_token else []),
        "x-amz-target",
    ]
    assert signed_headers(headers) == expected


@pytest.mark.parametrize(
    ("status", "response", "code"),
    [
        (
            400,
            b'{"__type": "ResourceNotFoundException", "Message": "none"}',
            "ResourceNotFoundException",
        ),
        (
            400,
            b'{"__type": "com.amazon#AccessDeniedException", "message": "no"}',
            "AccessDeniedException",
        ),
        (502, b"<html>bad gateway</html>", "Unknown"),
        (500, b"", "Unknown"),
        (500, b"[]", "Unknown"),
    ],
)
def test_error_response_is_aws_error_with_code(status: int, response: bytes, code: str) -> None:
    with service(status, response) as (url, _), pytest.raises(AwsError) as caught:
        AwsClient(AwsSettings(**KEYS), "secretsmanager", endpoint=url).call("t", {})
    assert caught.value.code == code


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://nowhere.invalid"]
)
def test_unreachable_service_is_aws_error(url: str) -> None:
    with pytest.raises(AwsError) as caught:
        AwsClient(AwsSettings(**KEYS), "secretsmanager", endpoint=url, timeout=1).call("t", {})
    assert caught.value.code == "Unreachable"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """Run an emulated Secrets Manager. Yield its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class SecretWithPassword:
    """A secret in Secrets Manager, and a SecretPassword that reads it with a fake clock."""

    def __init__(self, client: Any, endpoint: str) -> None:
        self.client = client
        name = f"database-{uuid.uuid4()}"
        self.arn = client.create_secret(Name=name, SecretString="not JSON")["ARN"]
        self.now = 1_000.0
        settings = AwsSettings(**KEYS, secrets_endpoint=endpoint)
        self.password = SecretPassword(settings, self.arn, clock=lambda: self.now)

    def set_value(self, value: str) -> None:
        self.client.put_secret_value(SecretId=self.arn, SecretString=value)


@pytest.fixture
def secret(moto: str) -> Iterator[SecretWithPassword]:
    keys: Any = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    with closing(
        boto3.client("secretsmanager", "eu-central-1", endpoint_url=moto, **keys)
    ) as client:
        yield SecretWithPassword(client, moto)


def test_password_is_read_from_the_secret(secret: SecretWithPassword) -> None:
    secret.set_value('{"username": "u", "password": "first"}')
    assert secret.password() == "first"


def test_rotated_password_is_used_after_the_cache(
    secret: SecretWithPassword,
) -> None:
    secret.set_value('{"password": "first"}')
    assert secret.password() == "first"
    secret.set_value('{"password": "second"}')
    secret.now += SECRET_CACHE_SECONDS
    assert secret.password() == "first"
    secret.now += 0.1
    assert secret.password() == "second"


def test_missing_secret_is_database_unavailable(moto: str) -> None:
    secret = SecretPassword(
        AwsSettings(**KEYS, secrets_endpoint=moto),
        "arn:aws:secretsmanager:eu-central-1:1:secret:no",
    )
    with pytest.raises(DatabaseUnavailable) as caught:
        secret()
    assert "secret:no" not in caught.value.detail
    assert isinstance(caught.value.__cause__, AwsError)


@pytest.mark.parametrize(
    "value",
    [
        "not JSON",
        '{"username": "u"}',
        "[]",
        '{"password": null}',
    ],
)
def test_secret_without_password_is_an_outage(secret: SecretWithPassword, value: str) -> None:
    secret.set_value(value)
    with pytest.raises(DatabaseUnavailable):
        secret.password()


def test_failure_is_not_cached(secret: SecretWithPassword) -> None:
    with pytest.raises(DatabaseUnavailable):
        secret.password()
    secret.set_value('{"password": "now"}')
    assert secret.password() == "now"


def test_unreachable_secrets_manager_is_an_outage() -> None:
    with pytest.raises(DatabaseUnavailable):
        SecretPassword(AwsSettings(**KEYS, secrets_endpoint="http://127.0.0.1:1"), "arn")()
