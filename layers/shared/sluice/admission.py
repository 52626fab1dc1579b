"""Admission of requests: authenticate the client, and count the request against its rate limit.

The router asks before a route runs, so a rejected request needs no database connection.
"""

import time
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, NamedTuple

from sluice.aws.client import AwsClient
from sluice.errors import RateLimited, Unauthenticated
from sluice.identity.api_keys import ApiKeyStore
from sluice.identity.authenticator import Authenticator, Principal
from sluice.identity.tenant_choice import choose
from sluice.limits.client_network import client_network
from sluice.limits.dynamo import DynamoCounterStore
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import Decision, Limiter
from sluice.limits.window import Policy
from sluice.settings import Settings
from sluice.tenants import application_type

# Requests with invalid credentials, for each client network.
UNAUTHENTICATED_LIMIT = Policy(600, 60, "unauthenticated")


class Admitted(NamedTuple):
    """An authenticated request: its client, the limiter's decision, and its tenant or ""."""

    principal: Principal
    decision: Decision
    tenant: str


class Admission:
    """The authenticator and the rate limiter of one execution environment."""

    def __init__(self, settings: Settings, dynamodb: AwsClient) -> None:
        self.authenticator = _make_authenticator(settings, dynamodb)
        counts = DynamoCounterStore(dynamodb, settings.rate_limit_table)
        self.limiter = Limiter(counts, MemoryCounterStore(), clock=time.time)
        self._policies = {
            tier: Policy(*quota, name=tier) for tier, quota in settings.rate_tiers.items()
        }

    @cached_property
    def has_tenants(self) -> bool:
        """Whether the application has tenants."""
        return bool(application_type())

    def admit(
        self,
        key: str | None,
        authorization: str | None,
        address: str,
        claims: Mapping[str, Any] | None = None,
        tenant: str | None = None,
    ) -> Admitted:
        """Authenticate the client, choose its tenant and count the request.

        `tenant` is the value of `X-Sluice-Tenant`. The quota is that of the client and the tenant.
        The Decision says whether the quota of an authenticated client allows the request. Clients
        with invalid credentials are counted by their network, so that none can try thousands of
        keys; RateLimited is raised for them. `claims` are API Gateway's, and are used only if the
        settings say that it verifies tokens. Raise Unauthenticated or IdentityUnavailable.
        """
        try:
            principal = self.authenticator.identify(key, authorization, claims)
        except Unauthenticated:
            decision = self.limiter.hit(f"address {client_network(address)}", UNAUTHENTICATED_LIMIT)
            if not decision.allowed:
                raise RateLimited(decision.retry_after) from None
            raise
        policy = self._policies.get(principal.tier, self._policies["default"])
        chosen = choose(principal.tenants, tenant)
        counted = principal.client_id
        if self.has_tenants:
            counted = f"{counted}\0{chosen}"  # no tenant contains NUL
        return Admitted(principal, self.limiter.hit(counted, policy), chosen)


def _make_authenticator(settings: Settings, dynamodb: AwsClient) -> Authenticator:
    tokens = None
    verified = None
    if settings.jwt is not None and settings.jwt.verified_by_gateway:
        from sluice.identity.claims import principal_from_claims

        verified = partial(
            principal_from_claims,
            issuer=settings.jwt.issuer,
            tenant_claim=settings.jwt.tenant_claim,
        )
    elif settings.jwt is not None:
        from sluice.identity.tokens import TokenVerifier  # only if tokens are accepted

        tokens = TokenVerifier(settings.jwt)
    keys = ApiKeyStore(dynamodb, settings.api_keys_table)
    return Authenticator(keys, tokens, verified, clock=time.time)
