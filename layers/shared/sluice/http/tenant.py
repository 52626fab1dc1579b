"""Check the tenant of a request, after its scope and before its body and its query.

The router has chosen the tenant when it authenticated the request (identity/tenant_choice.py).
"""

from sluice import request_context
from sluice.errors import NoTenant, TenantNotAllowed
from sluice.http import headers
from sluice.http.request import request_of
from sluice.request_context import RequestContext


def require_allowed(context: RequestContext) -> None:
    """Raise TenantNotAllowed if `X-Sluice-Tenant` names no tenant of the credentials.

    An application without tenants ignores the header.
    """
    request = request_of(context)
    if context.tenant or not request.client_id or headers.tenant(request) is None:
        return
    from sluice.tenants import application_type  # late, because /health has no tenants

    if application_type():
        raise TenantNotAllowed(
            "X-Sluice-Tenant must be one of the tenants that the credentials list"
        )


def require_one() -> None:
    """Raise NoTenant if the request has no tenant. The detail says what the client can do."""
    context = request_context.current()
    if context.tenant:
        return
    if request_of(context).tenants:
        raise NoTenant("The credentials list several tenants; choose one with X-Sluice-Tenant")
    raise NoTenant("The credentials list no tenant; ask the operator for credentials with one")
