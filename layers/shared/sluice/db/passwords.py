"""What each new connection shows for a password: a secret of Secrets Manager, or a token that this function signs.

Either is kept for a while, and asked for or signed anew after.
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

SECRET_CACHE_SECONDS = (
    60.0  # a rotated secret is in use within this; only new connections ask at all
)
TOKEN_SECONDS = 900  # that RDS takes a token, at most, and only to connect: what is open stays open
TOKEN_CACHE_TIME = timedelta(minutes=10)


class SecretPassword:
    """Gives the `password` of a secret `{"username": …, "password": …}`; DatabaseUnavailable where it cannot."""

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
                self._client.close()  # it would be too old for the next time
            self._password, self._read_at = password, self._clock()
        return self._password


class IamToken:
    """Gives a token of RDS's IAM authentication, for one role of one database; DatabaseUnavailable where it cannot.

    A token is a presigned URL: made here, known to nobody before it is shown, and good for TOKEN_SECONDS.
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
        self._kept: tuple[Credentials, datetime, str] | None = None

    def __call__(self) -> str:
        try:
            credentials = self._credentials.current()
        except CredentialsUnavailable as error:
            raise DatabaseUnavailable("The database's credentials cannot be had") from error
        now, kept = self._now(), self._kept
        if (
            kept is None
            or kept[0] != credentials
            or not timedelta(0) <= now - kept[1] <= TOKEN_CACHE_TIME
        ):
            token = presign(
                credentials,
                self._region,
                "rds-db",
                self._netloc,
                self._query,
                now=now,
                seconds=TOKEN_SECONDS,
            )
            kept = self._kept = credentials, now, token
        return kept[2]
