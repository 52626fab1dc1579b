"""Requests that come through CloudFront: the check of its key, and the client's address.

CloudFront is in front where the stack has a CdnDomainName. It adds `X-Sluice-Origin-Key` to each request, and a
function at its edge sets `X-Sluice-Client-Address`. Both replace what a client sent under these names.
docs/decisions/0019-domain-and-cloudfront.md has the reasons.
"""

import hmac
from dataclasses import replace

from sluice.errors import DirectAccess
from sluice.http.request import Request

KEY_HEADER = "x-sluice-origin-key"
ADDRESS_HEADER = "x-sluice-client-address"


def require_cloudfront(request: Request, key: str) -> Request:
    """Return the request with the address that CloudFront saw. Raise DirectAccess if it does not carry `key`.

    An empty `key` means that no CloudFront is in front. Then both headers mean nothing, and the request stays as it is.
    """
    if not key:
        return request
    if not hmac.compare_digest(request.headers.get(KEY_HEADER, "").encode(), key.encode()):
        raise DirectAccess
    return replace(request, client_ip=request.headers.get(ADDRESS_HEADER) or request.client_ip)
