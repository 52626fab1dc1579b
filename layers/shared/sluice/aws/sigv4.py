"""AWS Signature Version 4: sign a request in its headers, or presign a URL.

After AWS's "Create a signed AWS API request"; tests compare the results with botocore's.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from sluice.aws.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def authorization_header(
    credentials: Credentials, region: str, service: str, headers: Mapping[str, str], payload: bytes
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
    signature = _signature(credentials, scope, moment, canonical)
    return f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, SignedHeaders={signed}, Signature={signature}"


def presign(
    credentials: Credentials,
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
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
        **(
            {"X-Amz-Security-Token": credentials.session_token} if credentials.session_token else {}
        ),
    }
    pairs = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in signed.items()]
    host = netloc.lower().removesuffix(":443")  # as a client would send it
    canonical = ["GET", "/", "&".join(sorted(pairs)), f"host:{host}", "", "host", EMPTY_SHA256]
    return f"{netloc}/?{'&'.join(pairs)}&X-Amz-Signature={_signature(credentials, scope, moment, canonical)}"


def _signature(credentials: Credentials, scope: str, moment: str, canonical: list[str]) -> str:
    key = b"AWS4" + credentials.secret_access_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    hashed = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    return hmac.new(
        key, "\n".join([ALGORITHM, moment, scope, hashed]).encode(), "sha256"
    ).hexdigest()
