"""The state of this execution environment that all its Apis share.

A function of a group has an Api for each resource. They have one cold start, one emitter of
metrics, one tracer and one cache of responses.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from sluice import snapstart
from sluice.http import access_log
from sluice.http.metrics import MetricsEmitter
from sluice.http.stale_cache import StaleResponseCache
from sluice.request_context import RequestContext
from sluice.settings import SettingsError, is_initialised_by_lambda, trace_settings

if TYPE_CHECKING:
    from sluice.http.trace import Tracer
    from sluice.runtime import Runtime


def prepare(runtime: Callable[[], Runtime]) -> None:
    """Do what the first authenticated request needs, while Lambda initialises the function.

    A function has a whole CPU then. In a request, it has the share that its memory buys. So
    Powertools' metrics are imported here. On Lambda, the runtime is built, too: it reads the
    settings and the certificate authorities. No connection is opened (decision 30). Invalid
    settings are left to the first request, which reports them.
    """
    import_module("aws_lambda_powertools.metrics")
    if is_initialised_by_lambda():
        with suppress(SettingsError):
            runtime()


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
