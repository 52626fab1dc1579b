"""The credentials of this function's IAM role."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import urlsplit

from sluice import tls
from sluice.settings import AwsSettings, repr_without_secrets

REFRESH_MARGIN = timedelta(minutes=5)  # before the credentials expire
FETCH_TIMEOUT = 2.0  # seconds


class CredentialsUnavailable(Exception):
    """The credentials have expired, and no new ones can be fetched."""


class Credentials(NamedTuple):
    """An access key, with the session token that a role's credentials have."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return repr_without_secrets(self)


class CredentialProvider:
    """Provides the credentials in the settings, or fetches them from the URL there.

    Lambda provides a URL with SnapStart, because credentials in a snapshot would have expired when
    an execution environment is restored.
    """

    def __init__(
        self, settings: AwsSettings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings
        self._now = now
        self._credentials = Credentials(
            settings.access_key_id, settings.secret_access_key, settings.session_token
        )
        self._fetches = bool(settings.credentials_url) and not settings.access_key_id
        self._expires_at = datetime.min.replace(tzinfo=UTC)

    def current(self) -> Credentials:
        """Return valid credentials, fetched again shortly before they expire.

        Raise CredentialsUnavailable if they have expired and cannot be fetched.
        """
        if self._fetches and self._now() + REFRESH_MARGIN > self._expires_at:
            url, token = self._settings.credentials_url, self._settings.credentials_token
            try:
                self._credentials, self._expires_at = _fetch(url, token)
            except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
                if self._now() >= self._expires_at:
                    raise CredentialsUnavailable(
                        "the credentials of this function's role cannot be fetched"
                    ) from error
        return self._credentials


def _fetch(url: str, token: str) -> tuple[Credentials, datetime]:
    """Fetch the credentials from `url`. Return them and the time when they expire."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}".rstrip("?")
    connection = tls.connect(parts, timeout=FETCH_TIMEOUT)
    try:
        connection.request("GET", target, headers={"Authorization": token})
        body = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    credentials = Credentials(
        str(body["AccessKeyId"]), str(body["SecretAccessKey"]), str(body["Token"])
    )
    return credentials, datetime.fromisoformat(body["Expiration"])
