"""The credentials of this function's IAM role."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from urllib.parse import urlsplit

from sluice import tls
from sluice.settings import AwsSettings

REFRESH_MARGIN = timedelta(minutes=5)  # before they expire
FETCH_TIMEOUT = 2.0


class CredentialsUnavailable(Exception):
    """Nobody tells the keys of this function's role."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What requests are signed with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


class CredentialProvider:
    """The keys of this function's role: those in its environment, or those of the address that is given there.

    Lambda gives an address where environments are restored from a snapshot, whose own keys would have expired.
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
        """Those to sign with now. KeysUnavailable where they have expired, and no others can be had."""
        if self._fetches and self._now() + REFRESH_MARGIN > self._expires_at:
            try:
                self._credentials, self._expires_at = _fetch(
                    self._settings.credentials_url, self._settings.credentials_token
                )
            except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
                if self._now() >= self._expires_at:
                    raise CredentialsUnavailable(
                        "the keys of this function's role cannot be had"
                    ) from error
        return self._credentials


def _fetch(url: str, token: str) -> tuple[Credentials, datetime]:
    """The keys, and until when they are good."""
    place = urlsplit(url)
    connection = tls.connect(place, timeout=FETCH_TIMEOUT)
    try:
        connection.request(
            "GET", f"{place.path}?{place.query}".rstrip("?"), headers={"Authorization": token}
        )
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    credentials = Credentials(
        str(answer["AccessKeyId"]), str(answer["SecretAccessKey"]), str(answer["Token"])
    )
    return credentials, datetime.fromisoformat(answer["Expiration"])
