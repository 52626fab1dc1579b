"""AWS Signature Version 4: sign a request by its Authorization header, or presign a URL.

It follows AWS's "Create a signed AWS API request". Tests compare the results with botocore's.
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
    credentials: Credentials,
    region: str,
    service: str,
    headers: Mapping[str, str],
    payload: bytes,
) -> str:
    """Return the Authorization header of a POST to `/`.

    All `headers` are signed. Their names are in lower case, and `x-amz-date` is one of them.
    """
    names = sorted(headers)
    signed_headers = ";".join(names)
    timestamp = headers["x-amz-date"]
    canonical_request = [
        "POST",
        "/",
        "",
        *(f"{name}:{headers[name].strip()}" for name in names),
        "",
        signed_headers,
        hashlib.sha256(payload).hexdigest(),
    ]
    scope = _scope(timestamp, region, service)
    signature = _signature(credentials, scope, timestamp, canonical_request)
    return (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={signed_headers}, Signature={signature}"
    )


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
    """Return a URL without `https://` that allows a GET of `/` with `query` for `seconds`."""
    timestamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = _scope(timestamp, region, service)
    parameters = {
        **query,
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.session_token:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    pairs = [
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items()
    ]
    host = netloc.lower().removesuffix(":443")  # as clients send the Host header
    canonical_query = "&".join(sorted(pairs))
    canonical_request = ["GET", "/", canonical_query, f"host:{host}", "", "host", EMPTY_SHA256]
    signature = _signature(credentials, scope, timestamp, canonical_request)
    return f"{netloc}/?{'&'.join(pairs)}&X-Amz-Signature={signature}"


def _scope(timestamp: str, region: str, service: str) -> str:
    return f"{timestamp[:8]}/{region}/{service}/aws4_request"


def _signature(
    credentials: Credentials, scope: str, timestamp: str, canonical_request: list[str]
) -> str:
    signing_key = b"AWS4" + credentials.secret_access_key.encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    request_hash = hashlib.sha256("\n".join(canonical_request).encode()).hexdigest()
    string_to_sign = "\n".join([ALGORITHM, timestamp, scope, request_hash])
    return hmac.new(signing_key, string_to_sign.encode(), "sha256").hexdigest()
