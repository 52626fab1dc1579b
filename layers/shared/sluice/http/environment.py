"""The state of this execution environment that all its Apis share.

A function of a group has an Api for each resource. They have one cold start, one emitter of
metrics, one tracer and one cache of responses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice import snapstart
from sluice.http import access_log
from sluice.http.metrics import MetricsEmitter
from sluice.http.stale_cache import StaleResponseCache
from sluice.request_context import RequestContext
from sluice.settings import trace_settings

if TYPE_CHECKING:
    from sluice.http.trace import Tracer


class Environment:
    """What is remembered from one request to the next."""

    def __init__(self) -> None:
        self._tracer: Tracer | None = None
        self.reset()

    def reset(self) -> None:
        """Forget all of it, as in a new execution environment, and close the tracer."""
        if self._tracer is not None:
            self._tracer.close()
        self._tracer = None
        self._cold = True
        self.stale_responses = StaleResponseCache()
        self.metrics = MetricsEmitter()

    def record(self, context: RequestContext) -> None:
        """Write the access log of a completed request, and its trace if tracing is on."""
        access_log.write(context, cold=self._cold)
        if self._cold and (settings := trace_settings()) is not None:
            from sluice.http.trace import Tracer  # imported only if tracing is on

            self._tracer = Tracer(settings)
        if self._tracer is not None:
            self._tracer.send(context)
        self._cold = False


environment = Environment()
snapstart.before_snapshot(environment.reset)
