"""The caches and counts of an execution environment, while several threads use them."""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import redirect_stdout
from types import SimpleNamespace
from typing import Any, cast

from sluice.graph import document
from sluice.graph.document import DocumentCache
from sluice.http import stale_cache
from sluice.http.metrics import MetricsEmitter
from sluice.http.response import Response
from sluice.http.stale_cache import StaleResponseCache
from sluice.runtime import Runtime
from sluice.settings import GraphqlSettings


class Interrupted(OrderedDict[Any, Any]):
    """A dictionary in which another thread gets its turn before `move_to_end`."""

    def __init__(self) -> None:
        super().__init__()
        self.action: Callable[[], object] | None = None

    def move_to_end(self, key: object, last: bool = True) -> None:
        action, self.action = self.action, None
        if action is not None:
            other = threading.Thread(target=action)
            other.start()
            other.join(timeout=0.2)  # with a lock, it waits until this thread is done
        super().move_to_end(key, last)


def test_response_may_be_evicted_while_it_is_stored() -> None:
    cache, responses = StaleResponseCache(), Interrupted()
    cache._responses = responses
    response = Response(200, "application/json", "{}")
    for number in range(stale_cache.CACHE_SIZE):
        cache.store(str(number), response)
    responses.action = lambda: cache.store("other", response)

    cache.store("0", response)

    assert cache.find("0", max_age=60) is not None


def test_document_may_be_evicted_while_it_is_used() -> None:
    documents = Interrupted()
    cache = DocumentCache(GraphqlSettings(), documents)
    queries = [f"{{ a{number}: __typename }}" for number in range(document.CACHE_SIZE + 1)]
    for query in queries[:-1]:
        cache.operation(query, None)
    documents.action = lambda: cache.operation(queries[-1], None)

    assert "a0" in cache.operation(queries[0], None).fields


def test_error_during_an_emission_is_counted() -> None:
    emitter = MetricsEmitter(clock=lambda: 0.0)
    breaker = SimpleNamespace(state="closed")
    runtime = SimpleNamespace(
        admission=SimpleNamespace(limiter=SimpleNamespace(failures=0)),
        database=SimpleNamespace(breaker=breaker),
        settings=SimpleNamespace(metrics_interval=0.0, service="s", version="$LATEST"),
        replica=None,
        databases_by_metric_prefix=dict,
    )

    class Output(io.StringIO):
        def write(self, text: str) -> int:
            if "limiter_failures" in text and "too_late" not in self.getvalue():
                emitter.count_error(500, "too_late")
            return super().write(text)

    with redirect_stdout(Output()) as output:
        emitter.emit(cast("Runtime", runtime))
        emitter.emit(cast("Runtime", runtime))

    assert '"too_late":[1' in output.getvalue().replace(" ", "")
