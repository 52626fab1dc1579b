"""Send X-Ray a subsegment for each request that Lambda samples: id, route, outcome, database time.

This module is imported only if tracing is on. It does not use the AWS X-Ray SDK, which is in
maintenance mode, and whose import takes longer than that of a whole function. A subsegment is one
UDP datagram to the daemon in Lambda's environment. It is sent without waiting and may be lost.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from sluice.http.request import request_of
from sluice.request_context import RequestContext
from sluice.settings import TraceSettings

HEADER = b'{"format":"json","version":1}\n'


class Tracer:
    """Sends the subsegments of one execution environment.

    `settings.header` returns the trace header, which Lambda sets before each invocation.
    """

    def __init__(self, settings: TraceSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._header = settings.header
        self._service = settings.service
        self._clock = clock
        self._daemon = settings.daemon
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, context: RequestContext) -> None:
        """Send the subsegment of a completed request, if Lambda samples it."""
        parts = self._header().split(";")
        fields = dict(part.strip().split("=", 1) for part in parts if "=" in part)
        if fields.get("Sampled") != "1" or not {"Root", "Parent"} <= fields.keys():
            return
        document = self._document(context, fields)
        message = HEADER + json.dumps(document, separators=(",", ":")).encode()
        with suppress(OSError):  # no daemon or a full buffer: a trace must not make a request fail
            self._socket.sendto(message, self._daemon)

    def close(self) -> None:
        self._socket.close()

    def _document(self, context: RequestContext, fields: Mapping[str, str]) -> dict[str, object]:
        ended = self._clock()
        use = context.database
        annotations: dict[str, object] = {
            "request_id": request_of(context).id,
            "route": context.route,
            "code": context.code,
            "tenant": context.tenant,
            "db_ms": round(use.seconds * 1000, 3),
            "statements": use.statements,
            "round_trips": use.round_trips,
            "connections_opened": use.connections_opened,
        }
        return {
            "name": self._service,
            "id": os.urandom(8).hex(),
            "trace_id": fields["Root"],
            "parent_id": fields["Parent"],
            "type": "subsegment",
            "start_time": ended - context.seconds,
            "end_time": ended,
            "http": {
                "request": {"method": request_of(context).method[:20]},
                "response": {"status": context.status},
            },
            "error": 400 <= context.status < 500,
            "throttle": context.status == 429,
            "fault": context.status >= 500,
            "annotations": {name: value for name, value in annotations.items() if value != ""},
        }
