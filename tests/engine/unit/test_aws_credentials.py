"""IAM tokens for databases, compared with botocore's, and the credentials that sign them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from sluice.aws.credentials import (
    REFRESH_MARGIN,
    CredentialProvider,
    Credentials,
    CredentialsUnavailable,
)
from sluice.db.passwords import IamToken
from sluice.errors import DatabaseUnavailable
from sluice.settings import AwsSettings, DatabaseSettings

KEYS = {
    "region": "eu-central-1",
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG",
}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def token_of_botocore(
    settings: AwsSettings, host: str, port: int, user: str
) -> tuple[str, datetime]:
    """Return botocore's token and the time at which it was signed."""
    client: Any = boto3.client(
        "rds",
        settings.region,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        aws_session_token=settings.session_token or None,
    )
    token = client.generate_db_auth_token(f"[{host}]" if ":" in host else host, port, user)
    client.close()
    moment = parse_qs(urlsplit(f"https://{token}").query)["X-Amz-Date"][0]
    return token, datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@pytest.mark.parametrize("session_token", ["", "FwoGZXIvYXdzE//to+ken=="], ids=["keys", "session"])
@pytest.mark.parametrize(
    ("host", "port", "user"),
    [
        ("shop.abc123.eu-central-1.rds.amazonaws.com", 5432, "sluice_app"),
        ("Shop-Proxy.Proxy-abc123.eu-central-1.rds.amazonaws.com", 6432, "sluice_app"),
        ("shop.abc123.eu-central-1.rds.amazonaws.com", 443, "sluice_app"),
        ("2001:db8::5", 5432, "sluice_app"),
        ("192.0.2.7", 65535, "ada lovelace+test/é~&=%"),
    ],
    ids=["instance", "proxy", "port 443", "IPv6", "special characters"],
)
def test_token_equals_botocores(host: str, port: int, user: str, session_token: str) -> None:
    settings = AwsSettings(**KEYS, session_token=session_token)
    expected, signed_at = token_of_botocore(settings, host, port, user)
    database = DatabaseSettings(host=host, name="shop", user=user, port=port, auth="iam")
    token = IamToken(settings, database, now=lambda: signed_at)()
    assert token == expected
    assert token.startswith(("shop", "Shop", "[2001", "192"))
    assert "X-Amz-Expires=900&" in token


class CredentialsService:
    """The service behind AWS_CONTAINER_CREDENTIALS_FULL_URI. `silent` makes it reject requests."""

    def __init__(self) -> None:
        self.now = NOON
        self.issued = 0
        self.silent = False
        self.settings: AwsSettings

    def provider(self) -> CredentialProvider:
        return CredentialProvider(self.settings, now=lambda: self.now)

    def respond(self, authorization: str | None) -> tuple[int, bytes]:
        if self.silent or authorization != "pass-1":
            return 401, b"no"
        self.issued += 1
        expires = (self.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = {
            "AccessKeyId": f"AKID{self.issued}",
            "SecretAccessKey": "s",
            "Token": "t",
            "Expiration": expires,
        }
        return 200, json.dumps(keys).encode()


@contextmanager
def serving(credentials_service: CredentialsService) -> Iterator[None]:
    """Serve the credentials over HTTP until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/keys?v=1":
                status, body = credentials_service.respond(self.headers["Authorization"])
            else:
                status = 404
                body = b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}/keys?v=1"
    credentials_service.settings = AwsSettings(
        "eu-central-1", credentials_url=url, credentials_token="pass-1"
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def credentials_service() -> Iterator[CredentialsService]:
    credentials_service = CredentialsService()
    with serving(credentials_service):
        yield credentials_service


def test_environment_credentials_need_no_request(credentials_service: CredentialsService) -> None:
    settings = AwsSettings(
        **KEYS,
        credentials_url=credentials_service.settings.credentials_url,
        credentials_token="pass-1",
    )
    assert CredentialProvider(settings).current() == Credentials(
        "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG"
    )
    assert credentials_service.issued == 0


def test_credentials_are_cached_until_near_expiry(credentials_service: CredentialsService) -> None:
    provider = credentials_service.provider()
    assert [provider.current().access_key_id, provider.current().access_key_id] == [
        "AKID1",
        "AKID1",
    ]
    credentials_service.now += timedelta(hours=1) - REFRESH_MARGIN
    assert provider.current().access_key_id == "AKID1"
    credentials_service.now += timedelta(seconds=1)
    assert provider.current().access_key_id == "AKID2"


def test_valid_credentials_survive_an_outage(credentials_service: CredentialsService) -> None:
    provider = credentials_service.provider()
    provider.current()
    credentials_service.silent = True
    credentials_service.now += timedelta(minutes=59)
    assert provider.current().access_key_id == "AKID1"
    credentials_service.now += timedelta(minutes=1)
    with pytest.raises(CredentialsUnavailable):
        provider.current()


def test_token_is_renewed_after_ten_minutes(
    credentials_service: CredentialsService,
) -> None:
    database = DatabaseSettings(host="db.example", name="shop", user="sluice_app", auth="iam")
    token = IamToken(credentials_service.settings, database, now=lambda: credentials_service.now)
    first = token()
    credentials_service.now += timedelta(minutes=10)
    assert token() == first
    credentials_service.now += timedelta(seconds=1)
    second = token()
    assert second != first
    assert "AKID1" in second
    credentials_service.now = NOON + timedelta(minutes=54)
    third = token()
    credentials_service.now += timedelta(minutes=2)
    assert ("AKID1" in third, "AKID2" in token()) == (True, True)


def test_missing_credentials_are_database_unavailable(
    credentials_service: CredentialsService,
) -> None:
    credentials_service.silent = True
    database = DatabaseSettings(host="db.example", name="shop", user="sluice_app", auth="iam")
    with pytest.raises(DatabaseUnavailable):
        IamToken(credentials_service.settings, database)()
