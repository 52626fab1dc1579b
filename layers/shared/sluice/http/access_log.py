"""The line that a request leaves in the log: who asked for what, what came of it, and what it took.

It holds nothing that was sent but the method, which API Gateway has understood: no path, query, body or credentials. It
is JSON, in which CloudWatch finds fields, and printed as metrics are: by way of a logger it took three times as long.
"""

import logging
import sys
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quoted

from sluice.http.request import Request
from sluice.limits.rate import Decision
from sluice.request_stats import RequestStats
from sluice.settings import log_level

_log = logging.getLogger("sluice")


@dataclass(slots=True)
class AccessLogEntry:
    """What has become known of a request on its way."""

    began: float  # by time.perf_counter
    route: str = ""  # as OpenAPI writes it
    code: str = ""  # of the error, or the first of several
    decision: Decision | None = None
    status: int = 0
    seconds: float = 0.0


def write(request: Request, entry: AccessLogEntry, spent: RequestStats, *, cold: bool) -> None:
    """At INFO. What there is none of is left out."""
    if cold and not _log.level:  # a function without a shop: nobody has read the settings
        _log.setLevel(log_level())
    if not _log.isEnabledFor(logging.INFO):
        return
    decision, words = entry.decision, ""
    for name, word in (
        ("route", entry.route),
        ("client", request.client_id),
        ("code", entry.code),
        ("served_by", spent.served_by),
    ):
        if word:
            words += f',"{name}":{quoted(word)}'
    if decision is not None:
        words += f',"limiter":"{"allowed" if decision.allowed else "refused"}","limiter_source":"{decision.source}"'
    sys.stdout.write(
        f'{{"level":"INFO","request_id":{quoted(request.id)},"method":{quoted(request.method[:20])}{words}'
        f',"status":{entry.status},"duration_ms":{entry.seconds * 1000:.2f},"db_ms":{spent.db_seconds * 1000:.2f}'
        f',"round_trips":{spent.round_trips},"statements":{spent.statements},"connections_opened":{spent.connections_opened}'
        f',"cold_start":{"true" if cold else "false"}}}\n'
    )


def server_timing(entry: AccessLogEntry, spent: RequestStats) -> str:
    """The header (W3C Server Timing), as browsers show it."""
    counts = f"{spent.statements} statements, {spent.round_trips} round trips, {spent.connections_opened} connects"
    return f'db;dur={spent.db_seconds * 1000:.2f};desc="{counts}", total;dur={entry.seconds * 1000:.2f}'
