"""The access log: one JSON line for each request: client, tenant, outcome, times, database use.

The method is the only part of the request in the line, and the route is the path template. There
is no path, query, body or credential in it. The line is printed instead of logged, because a logger
takes three times as long. CloudWatch finds the fields of JSON lines by itself.
"""

import logging
import sys
from json.encoder import encode_basestring_ascii as quoted

from sluice.http.request import request_of
from sluice.request_context import RequestContext
from sluice.settings import log_level

_log = logging.getLogger("sluice")


def write(context: RequestContext, *, cold: bool) -> None:
    """Print the line if the log level includes INFO. Empty fields are left out."""
    if cold and not _log.level:  # functions without a Runtime have not read the settings
        _log.setLevel(log_level())
    if not _log.isEnabledFor(logging.INFO):
        return
    request = request_of(context)
    use = context.database
    decision = context.decision
    optional = ""
    for name, value in (
        ("route", context.route),
        ("client_id", request.client_id),
        ("tenant", context.tenant),
        ("code", context.code),
        ("served_by", use.served_by),
    ):
        if value:
            optional += f',"{name}":{quoted(value)}'
    if decision is not None:
        outcome = "allowed" if decision.allowed else "rejected"
        optional += f',"limiter":"{outcome}","limiter_source":"{decision.source}"'
    sys.stdout.write(
        f'{{"level":"INFO","request_id":{quoted(request.id)},'
        f'"method":{quoted(request.method[:20])}{optional},'
        f'"status":{context.status},"duration_ms":{context.seconds * 1000:.2f},'
        f'"db_ms":{use.seconds * 1000:.2f},"round_trips":{use.round_trips},'
        f'"statements":{use.statements},"connections_opened":{use.connections_opened},'
        f'"cold_start":{"true" if cold else "false"}}}\n'
    )


def server_timing(context: RequestContext) -> str:
    """Return the value of the `Server-Timing` header (W3C Server Timing), which browsers show."""
    use = context.database
    counts = (
        f"{use.statements} statements, {use.round_trips} round trips, "
        f"{use.connections_opened} connects"
    )
    db_ms = f"{use.seconds * 1000:.2f}"
    total_ms = f"{context.seconds * 1000:.2f}"
    return f'db;dur={db_ms};desc="{counts}", total;dur={total_ms}'
