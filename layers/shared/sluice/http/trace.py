"""Sends X-Ray a subsegment for each request that Lambda samples: its id, route, outcome, and its share of the database.

Imported only if tracing is on. AWS's SDK for X-Ray is in maintenance and takes longer to import than all of a function;
this is its one message, a UDP datagram to Lambda's own daemon. It waits for nothing, and a lost one is only lost.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from sluice.http.access_log import AccessLogEntry
from sluice.http.request import Request
from sluice.request_stats import RequestStats
from sluice.settings import TraceSettings

HEADER = b'{"format":"json","version":1}\n'


class Tracer:
    """One environment's. `header` gives the invocation's trace header, as Lambda sets it before each."""

    def __init__(self, settings: TraceSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._header = settings.header
        self._service = settings.service
        self._clock = clock
        self._daemon = settings.daemon
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, request: Request, entry: AccessLogEntry, spent: RequestStats) -> None:
        """Send the subsegment of a request that is done, if it is sampled."""
        fields = dict(
            part.strip().split("=", 1) for part in self._header().split(";") if "=" in part
        )
        if fields.get("Sampled") != "1" or not {"Root", "Parent"} <= fields.keys():
            return
        document = self._document(request, entry, spent, fields)
        with suppress(
            OSError
        ):  # no daemon, or a full buffer: a trace is no reason to fail a request
            self._socket.sendto(
                HEADER + json.dumps(document, separators=(",", ":")).encode(), self._daemon
            )

    def close(self) -> None:
        self._socket.close()

    def _document(
        self,
        request: Request,
        entry: AccessLogEntry,
        spent: RequestStats,
        fields: Mapping[str, str],
    ) -> dict[str, object]:
        ended = self._clock()
        annotations: dict[str, object] = {
            "request_id": request.id,
            "route": entry.route,
            "code": entry.code,
            "db_ms": round(spent.db_seconds * 1000, 3),
            "statements": spent.statements,
            "round_trips": spent.round_trips,
            "connections_opened": spent.connections_opened,
        }
        return {
            "name": self._service,
            "id": os.urandom(8).hex(),
            "trace_id": fields["Root"],
            "parent_id": fields["Parent"],
            "type": "subsegment",
            "start_time": ended - entry.seconds,
            "end_time": ended,
            "http": {
                "request": {"method": request.method[:20]},
                "response": {"status": entry.status},
            },
            "error": 400 <= entry.status < 500,
            "throttle": entry.status == 429,
            "fault": entry.status >= 500,
            "annotations": {name: value for name, value in annotations.items() if value != ""},
        }
