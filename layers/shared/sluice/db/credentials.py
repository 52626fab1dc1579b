"""The database password from Secrets Manager: read when a connection is made, kept for a while, asked again after."""

import json
import time
from collections.abc import Callable

from sluice import aws
from sluice.errors import DatabaseUnavailable
from sluice.settings import AwsSettings

KEPT_SECONDS = 60.0  # a rotated secret is in use within this; only new connections ask at all


class SecretPassword:
    """Gives the `password` of a secret `{"username": …, "password": …}`; DatabaseUnavailable where it cannot."""

    def __init__(self, settings: AwsSettings, arn: str, *, clock: Callable[[], float] = time.time) -> None:
        self._client = aws.Client(settings, "secretsmanager", endpoint=settings.secrets_endpoint)
        self._arn = arn
        self._clock = clock
        self._password = ""
        self._read_at = float("-inf")

    def __call__(self) -> str:
        if self._clock() - self._read_at > KEPT_SECONDS:
            try:
                secret = self._client.call("secretsmanager.GetSecretValue", {"SecretId": self._arn})
                password = json.loads(secret["SecretString"])["password"]
                if not isinstance(password, str):
                    raise TypeError("the secret's password is not a string")
            except (aws.AwsError, KeyError, TypeError, ValueError) as error:
                raise DatabaseUnavailable("The database's credentials cannot be read") from error
            self._password, self._read_at = password, self._clock()
        return self._password
