"""The small AWS client: it signs as botocore does, and reads a rotated password from Secrets Manager."""

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
def service(status: int, answer: bytes) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A service that gives one answer to everything, and what it was asked."""
    asked: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def by_botocore(settings: AwsSettings, url: str, headers: dict[str, str], body: bytes) -> str:
    """The Authorization header that botocore gives the same request at the same moment."""
    request = AWSRequest("POST", url, headers=headers, data=body)
    request.context["timestamp"] = STAMP
    signer: Any = SigV4Auth(
        Credentials(
            settings.access_key_id, settings.secret_access_key, settings.session_token or None
        ),
        "secretsmanager",
        settings.region,
    )
    signature = signer.signature(
        signer.string_to_sign(request, signer.canonical_request(request)), request
    )
    signer._inject_signature_to_request(request, signature)
    return str(request.headers["Authorization"])


@pytest.mark.parametrize("session_token", ["", "FwoGZXIvYXdzE//token=="])
def test_the_signature_is_botocores(session_token: str) -> None:
    settings = AwsSettings(**KEYS, session_token=session_token)
    body = {"SecretId": "arn:aws:secretsmanager:x", "Ümlaut": "ß"}
    with service(200, b"{}") as (url, asked):
        client = AwsClient(settings, "secretsmanager", endpoint=url, now=lambda: NOW)
        client.call("secretsmanager.GetSecretValue", body)
        client.close()
    ((headers, sent),) = asked
    assert (headers["x-amz-date"], json.loads(sent)) == (STAMP, body)
    assert headers.get("x-amz-security-token", "") == session_token
    signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    same = {name: headers[name] for name in signed}
    assert headers["authorization"] == by_botocore(settings, url, same, sent)


@pytest.mark.parametrize("session_token", ["", "token"])
def test_everything_that_says_what_is_asked_is_signed(session_token: str) -> None:
    with service(200, b"{}") as (url, asked):
        AwsClient(
            AwsSettings(**KEYS, session_token=session_token), "secretsmanager", endpoint=url
        ).call("t", {})
    signed = (
        asked[0][0]["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    )
    wanted = [
        "content-type",
        "host",
        "x-amz-date",
        *(["x-amz-security-token"] if session_token else []),
        "x-amz-target",
    ]
    assert signed == wanted


@pytest.mark.parametrize(
    ("status", "answer", "code"),
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
def test_a_refusal_is_an_aws_error_with_the_services_code(
    status: int, answer: bytes, code: str
) -> None:
    with service(status, answer) as (url, _), pytest.raises(AwsError) as caught:
        AwsClient(AwsSettings(**KEYS), "secretsmanager", endpoint=url).call("t", {})
    assert caught.value.code == code


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://nowhere.invalid"]
)
def test_a_service_that_does_not_answer_is_unreachable(url: str) -> None:
    with pytest.raises(AwsError) as caught:
        AwsClient(AwsSettings(**KEYS), "secretsmanager", endpoint=url, timeout=1).call("t", {})
    assert caught.value.code == "Unreachable"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """Secrets Manager, emulated."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Secret:
    """A secret, what reads its password, and that reader's clock."""

    def __init__(self, client: Any, endpoint: str) -> None:
        self.client = client
        self.arn = client.create_secret(Name=f"database-{uuid.uuid4()}", SecretString="not JSON")[
            "ARN"
        ]
        self.now = 1_000.0
        self.password = SecretPassword(
            AwsSettings(**KEYS, secrets_endpoint=endpoint), self.arn, clock=lambda: self.now
        )

    def hold(self, value: str) -> None:
        self.client.put_secret_value(SecretId=self.arn, SecretString=value)


@pytest.fixture
def secret(moto: str) -> Iterator[Secret]:
    keys: Any = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    with closing(
        boto3.client("secretsmanager", "eu-central-1", endpoint_url=moto, **keys)
    ) as client:
        yield Secret(client, moto)


def test_the_password_is_the_secrets(secret: Secret) -> None:
    secret.hold('{"username": "u", "password": "first"}')
    assert secret.password() == "first"


def test_a_rotated_password_is_in_use_after_a_while_and_the_old_one_until_then(
    secret: Secret,
) -> None:
    secret.hold('{"password": "first"}')
    assert secret.password() == "first"
    secret.hold('{"password": "second"}')
    secret.now += SECRET_CACHE_SECONDS
    assert secret.password() == "first"
    secret.now += 0.1
    assert secret.password() == "second"


def test_a_secret_that_is_not_there_makes_the_database_unavailable(moto: str) -> None:
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
def test_a_secret_without_a_password_makes_the_database_unavailable(
    secret: Secret, value: str
) -> None:
    secret.hold(value)
    with pytest.raises(DatabaseUnavailable):
        secret.password()


def test_a_failure_is_not_kept(secret: Secret) -> None:
    with pytest.raises(DatabaseUnavailable):
        secret.password()
    secret.hold('{"password": "now"}')
    assert secret.password() == "now"


def test_a_service_that_is_down_makes_the_database_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable):
        SecretPassword(AwsSettings(**KEYS, secrets_endpoint="http://127.0.0.1:1"), "arn")()
