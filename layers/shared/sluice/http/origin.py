"""Check that requests come through CloudFront, and find the client's IP address.

A stack with a CdnDomainName has CloudFront in front of it. CloudFront adds `X-Sluice-Origin-Key` to
each request, and a CloudFront function sets `X-Sluice-Client-Address`. Both replace headers of
these names that a client sent. The reasons are in docs/decisions/0019-domain-and-cloudfront.md.
"""

import hmac

from sluice.errors import DirectAccess
from sluice.http import headers
from sluice.http.request import Request


def require_cloudfront(request: Request, key: str) -> Request:
    """Return the request with the client's IP. Raise DirectAccess if its key header is not `key`.

    An empty `key` means that there is no CloudFront. Then both headers are ignored.
    """
    if not key:
        return request
    if not hmac.compare_digest(headers.origin_key(request).encode(), key.encode()):
        raise DirectAccess
    return request._replace(client_ip=headers.client_address(request) or request.client_ip)
