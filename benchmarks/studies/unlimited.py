"""The products function without its rate limiter, to measure what the limiter costs."""

from importlib import import_module

from sluice import runtime
from sluice.limits.rate import Decision
from sluice.limits.window import Policy


class NoLimiter:
    """A limiter that allows every request and counts nothing."""

    failures = 0

    def hit(self, client: str, policy: Policy) -> Decision:
        return Decision(True, policy, remaining=1, reset_after=1, source="lease")


handler = import_module("functions.products.handler").handler
runtime.current().admission.limiter = NoLimiter()  # type: ignore[assignment]
