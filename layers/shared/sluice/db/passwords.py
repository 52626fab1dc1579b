"""Passwords for new connections: from a Secrets Manager secret, or an IAM token signed here.

A secret is cached for 60 seconds, a token for 10 minutes.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sluice.aws.client import AwsClient, AwsError
from sluice.aws.credentials import CredentialProvider, Credentials, CredentialsUnavailable
from sluice.aws.sigv4 import presign
from sluice.errors import DatabaseUnavailable
from sluice.settings import AwsSettings, DatabaseSettings

SECRET_CACHE_SECONDS = 60.0  # a rotated secret is in use after this time at the latest
TOKEN_SECONDS = 900  # RDS accepts a token for 15 minutes; open connections outlive it
TOKEN_CACHE_TIME = timedelta(minutes=10)


def password_provider(aws: AwsSettings, database: DatabaseSettings) -> Callable[[], str] | None:
    """Return the provider of passwords for new connections.

    Return None if the settings have a password, or if the server asks for none.
    """
    if database.auth == "iam":
        return IamToken(aws, database)
    if database.password or database.auth == "none":
        return None
    return SecretPassword(aws, database.secret_arn)


class SecretPassword:
    """Returns the `password` of a secret `{"username": …, "password": …}`.

    Raises DatabaseUnavailable if the secret cannot be read.
    """

    def __init__(
        self, settings: AwsSettings, arn: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = AwsClient(settings, "secretsmanager", endpoint=settings.secrets_endpoint)
        self._arn = arn
        self._clock = clock
        self._password = ""
        self._read_at = float("-inf")

    def __call__(self) -> str:
        if self._clock() - self._read_at > SECRET_CACHE_SECONDS:
            try:
                secret = self._client.call("secretsmanager.GetSecretValue", {"SecretId": self._arn})
                password = json.loads(secret["SecretString"])["password"]
                if not isinstance(password, str):
                    raise TypeError("the secret's password is not a string")
            except (AwsError, KeyError, TypeError, ValueError) as error:
                raise DatabaseUnavailable("The database's credentials cannot be read") from error
            finally:
                self._client.close()  # the service closes it long before the next call
            self._password, self._read_at = password, self._clock()
        return self._password


class IamToken:
    """Returns a token of RDS's IAM authentication for one role of one database.

    A token is a presigned URL, made without a request to AWS, and valid for TOKEN_SECONDS. Raises
    DatabaseUnavailable if this function has no AWS credentials.
    """

    def __init__(
        self,
        settings: AwsSettings,
        database: DatabaseSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._credentials = CredentialProvider(settings, now=now)
        self._region = settings.region
        host = f"[{database.host}]" if ":" in database.host else database.host
        self._netloc = f"{host}:{database.port}"
        self._query = {"Action": "connect", "DBUser": database.user}
        self._now = now
        # The credentials, the time and the token of the last signature.
        self._cached: tuple[Credentials, datetime, str] | None = None

    def __call__(self) -> str:
        try:
            credentials = self._credentials.current()
        except CredentialsUnavailable as error:
            raise DatabaseUnavailable("The credentials for the database are missing") from error
        now = self._now()
        if self._cached is not None:
            signed_with, signed_at, token = self._cached
            is_fresh = timedelta(0) <= now - signed_at <= TOKEN_CACHE_TIME
            if is_fresh and signed_with == credentials:
                return token
        token = presign(
            credentials,
            self._region,
            "rds-db",
            self._netloc,
            self._query,
            now=now,
            seconds=TOKEN_SECONDS,
        )
        self._cached = credentials, now, token
        return token
