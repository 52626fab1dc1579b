"""Who is this function to AWS, and how does it prove it? Its role's keys, and Signature Version 4.

After AWS's "Create a signed AWS API request"; tests hold it against botocore's.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from urllib.parse import quote, urlsplit

from sluice import tls
from sluice.settings import AwsSettings

ALGORITHM = "AWS4-HMAC-SHA256"
RENEWED = timedelta(minutes=5)  # before they expire
ASKED_SECONDS = 2.0
NOTHING_HASHED = hashlib.sha256(b"").hexdigest()


class KeysUnavailable(Exception):
    """Nobody tells the keys of this function's role."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What requests are signed with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


class Role:
    """The keys of this function's role: those in its environment, or those of the address that is given there.

    Lambda gives an address where environments are restored from a snapshot, whose own keys would have expired.
    """

    def __init__(
        self, settings: AwsSettings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings
        self._now = now
        self._keys = Keys(
            settings.access_key_id, settings.secret_access_key, settings.session_token
        )
        self._asks = bool(settings.credentials_url) and not settings.access_key_id
        self._expires_at = datetime.min.replace(tzinfo=UTC)

    def keys(self) -> Keys:
        """Those to sign with now. KeysUnavailable where they have expired, and no others can be had."""
        if self._asks and self._now() + RENEWED > self._expires_at:
            try:
                self._keys, self._expires_at = _ask(
                    self._settings.credentials_url, self._settings.credentials_token
                )
            except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
                if self._now() >= self._expires_at:
                    raise KeysUnavailable(
                        "the keys of this function's role cannot be had"
                    ) from error
        return self._keys


def _ask(url: str, token: str) -> tuple[Keys, datetime]:
    """The keys, and until when they are good."""
    place = urlsplit(url)
    connection = tls.connect(place, timeout=ASKED_SECONDS)
    try:
        connection.request(
            "GET", f"{place.path}?{place.query}".rstrip("?"), headers={"Authorization": token}
        )
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    keys = Keys(str(answer["AccessKeyId"]), str(answer["SecretAccessKey"]), str(answer["Token"]))
    return keys, datetime.fromisoformat(answer["Expiration"])


def authorization(
    keys: Keys, region: str, service: str, headers: Mapping[str, str], payload: bytes
) -> str:
    """The Authorization header of a POST to `/`; `headers` are lower-case, and all of them signed."""
    names = sorted(headers)
    signed, moment = ";".join(names), headers["x-amz-date"]
    hashed = hashlib.sha256(payload).hexdigest()
    canonical = [
        "POST",
        "/",
        "",
        *(f"{name}:{headers[name].strip()}" for name in names),
        "",
        signed,
        hashed,
    ]
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    signature = _signature(keys, scope, moment, canonical)
    return f"{ALGORITHM} Credential={keys.access_key_id}/{scope}, SignedHeaders={signed}, Signature={signature}"


def presigned(
    keys: Keys,
    region: str,
    service: str,
    netloc: str,
    query: Mapping[str, str],
    *,
    now: datetime,
    seconds: int,
) -> str:
    """The URL, without its `https://`, by which anybody may GET `/` with this query for so many seconds."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    signed = {
        **query,
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key_id}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
        **({"X-Amz-Security-Token": keys.session_token} if keys.session_token else {}),
    }
    pairs = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in signed.items()]
    host = netloc.lower().removesuffix(":443")  # as a client would send it
    canonical = ["GET", "/", "&".join(sorted(pairs)), f"host:{host}", "", "host", NOTHING_HASHED]
    return (
        f"{netloc}/?{'&'.join(pairs)}&X-Amz-Signature={_signature(keys, scope, moment, canonical)}"
    )


def _signature(keys: Keys, scope: str, moment: str, canonical: list[str]) -> str:
    key = b"AWS4" + keys.secret_access_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    hashed = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    return hmac.new(
        key, "\n".join([ALGORITHM, moment, scope, hashed]).encode(), "sha256"
    ).hexdigest()
