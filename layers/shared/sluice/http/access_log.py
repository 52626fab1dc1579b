"""The access log: one JSON line for each request, with its client, outcome, times and database use.

The method is the only part of the request in the line, and the route is the path template. There
is no path, query, body or credential in it. The line is printed instead of logged, because a logger
takes three times as long. CloudWatch finds the fields of JSON lines by itself.
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
    """The data of the current request, filled in while it is served."""

    started_at: float  # by time.perf_counter
    route: str = ""  # the path template, as in OpenAPI
    code: str = ""  # of the first error
    decision: Decision | None = None  # of the rate limiter; None for unauthenticated requests
    status: int = 0
    seconds: float = 0.0


def write(request: Request, entry: AccessLogEntry, stats: RequestStats, *, cold: bool) -> None:
    """Print the line if the log level includes INFO. Empty fields are left out."""
    if cold and not _log.level:  # functions without a Runtime have not read the settings
        _log.setLevel(log_level())
    if not _log.isEnabledFor(logging.INFO):
        return
    decision = entry.decision
    optional = ""
    for name, value in (
        ("route", entry.route),
        ("client_id", request.client_id),
        ("code", entry.code),
        ("served_by", stats.served_by),
    ):
        if value:
            optional += f',"{name}":{quoted(value)}'
    if decision is not None:
        outcome = "allowed" if decision.allowed else "rejected"
        optional += f',"limiter":"{outcome}","limiter_source":"{decision.source}"'
    sys.stdout.write(
        f'{{"level":"INFO","request_id":{quoted(request.id)},'
        f'"method":{quoted(request.method[:20])}{optional},'
        f'"status":{entry.status},"duration_ms":{entry.seconds * 1000:.2f},'
        f'"db_ms":{stats.db_seconds * 1000:.2f},"round_trips":{stats.round_trips},'
        f'"statements":{stats.statements},"connections_opened":{stats.connections_opened},'
        f'"cold_start":{"true" if cold else "false"}}}\n'
    )


def server_timing(entry: AccessLogEntry, stats: RequestStats) -> str:
    """Return the value of the `Server-Timing` header (W3C Server Timing), which browsers show."""
    counts = (
        f"{stats.statements} statements, {stats.round_trips} round trips, "
        f"{stats.connections_opened} connects"
    )
    db_ms = f"{stats.db_seconds * 1000:.2f}"
    total_ms = f"{entry.seconds * 1000:.2f}"
    return f'db;dur={db_ms};desc="{counts}", total;dur={total_ms}'
