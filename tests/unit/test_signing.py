"""A token for a database is botocore's, byte for byte; and the keys that sign it are those of the moment."""

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


def by_botocore(settings: AwsSettings, host: str, port: int, user: str) -> tuple[str, datetime]:
    """botocore's token, and when it was signed."""
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
def test_a_token_is_botocores(host: str, port: int, user: str, session_token: str) -> None:
    settings = AwsSettings(**KEYS, session_token=session_token)
    theirs, signed_at = by_botocore(settings, host, port, user)
    database = DatabaseSettings(host=host, name="shop", user=user, port=port, auth="iam")
    ours = IamToken(settings, database, now=lambda: signed_at)()
    assert ours == theirs
    assert ours.startswith(("shop", "Shop", "[2001", "192"))
    assert "X-Amz-Expires=900&" in ours


class Issuer:
    """What answers where AWS_CONTAINER_CREDENTIALS_FULL_URI says; `issued` pairs of keys, or none any more."""

    def __init__(self) -> None:
        self.now = NOON
        self.issued = 0
        self.silent = False
        self.settings: AwsSettings

    def role(self) -> CredentialProvider:
        return CredentialProvider(self.settings, now=lambda: self.now)

    def answer(self, authorization: str | None) -> tuple[int, bytes]:
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
def serving(issuer: Issuer) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = (
                issuer.answer(self.headers["Authorization"])
                if self.path == "/keys?v=1"
                else (404, b"")
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}/keys?v=1"
    issuer.settings = AwsSettings("eu-central-1", credentials_url=url, credentials_token="pass-1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with serving(issuer):
        yield issuer


def test_the_environments_own_keys_are_taken_without_asking(issuer: Issuer) -> None:
    settings = AwsSettings(
        **KEYS, credentials_url=issuer.settings.credentials_url, credentials_token="pass-1"
    )
    assert CredentialProvider(settings).current() == Credentials(
        "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG"
    )
    assert issuer.issued == 0


def test_keys_that_are_asked_for_are_kept_until_shortly_before_they_expire(issuer: Issuer) -> None:
    role = issuer.role()
    assert [role.current().access_key_id, role.current().access_key_id] == ["AKID1", "AKID1"]
    issuer.now += timedelta(hours=1) - REFRESH_MARGIN
    assert role.current().access_key_id == "AKID1"
    issuer.now += timedelta(seconds=1)
    assert role.current().access_key_id == "AKID2"


def test_keys_that_still_hold_serve_while_nobody_gives_others(issuer: Issuer) -> None:
    role = issuer.role()
    role.current()
    issuer.silent = True
    issuer.now += timedelta(minutes=59)
    assert role.current().access_key_id == "AKID1"
    issuer.now += timedelta(minutes=1)
    with pytest.raises(CredentialsUnavailable):
        role.current()


def test_a_token_is_signed_anew_with_new_keys_and_otherwise_after_ten_minutes(
    issuer: Issuer,
) -> None:
    database = DatabaseSettings(host="db.example", name="shop", user="sluice_app", auth="iam")
    token = IamToken(issuer.settings, database, now=lambda: issuer.now)
    first = token()
    issuer.now += timedelta(minutes=10)
    assert token() == first
    issuer.now += timedelta(seconds=1)
    second = token()
    assert second != first
    assert "AKID1" in second
    issuer.now = NOON + timedelta(minutes=54)
    third = token()
    issuer.now += timedelta(minutes=2)
    assert ("AKID1" in third, "AKID2" in token()) == (True, True)


def test_without_keys_the_database_is_unavailable(issuer: Issuer) -> None:
    issuer.silent = True
    database = DatabaseSettings(host="db.example", name="shop", user="sluice_app", auth="iam")
    with pytest.raises(DatabaseUnavailable):
        IamToken(issuer.settings, database)()
