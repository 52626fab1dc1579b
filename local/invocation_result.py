"""Build the result of an invocation, with Lambda's error types, and Lambda's log lines."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from local.invocation_trace import InvocationTrace

MAX_PAYLOAD_BYTES = 6_291_556  # of an event and of a response, as in Lambda's error messages


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """The response of a function, or its error.

    `error` is the type of the error, None if the function returned. `payload` is the function's
    response, or Lambda's error document. Times are in seconds; `init` is None unless the sandbox
    was new. `trace` is None if no sandbox ran the function.
    """

    payload: bytes
    error: str | None = None
    duration: float = 0.0
    init: float | None = None
    trace: InvocationTrace | None = None

    @property
    def error_message(self) -> str:
        return str(json.loads(self.payload).get("errorMessage", "")) if self.error else ""


def failure(error_type: str, message: str, request_id: str = "") -> InvocationResult:
    """Return the result of an invocation that ended without a response of the function."""
    text = f"RequestId: {request_id} Error: {message}" if request_id else message
    return InvocationResult(
        json.dumps({"errorType": error_type, "errorMessage": text}).encode(), error=error_type
    )


def process_exit(status: int, request_id: str = "") -> InvocationResult:
    """Return the result for a process that ended. `status` is Popen's: negative for a signal."""
    if status == 0:
        return failure("Runtime.ExitError", "Runtime exited without providing a reason", request_id)
    how = f"signal: {-status}" if status < 0 else f"exit status {status}"
    return failure("Runtime.ExitError", f"Runtime exited with error: {how}", request_id)


def report_line(
    request_id: str, result: InvocationResult, *, memory: int, max_memory_used: int | None
) -> str:
    """Return the REPORT line. Memory in MB; the billed time includes the initialisation.

    AWS bills the initialisation since August 2025.
    """
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {result.duration * 1000:.2f} ms",
        f"Billed Duration: {math.ceil((result.duration + (result.init or 0)) * 1000)} ms",
        f"Memory Size: {memory} MB",
    ]
    if max_memory_used is not None:
        fields.append(f"Max Memory Used: {max_memory_used} MB")
    if result.init is not None:
        fields.append(f"Init Duration: {result.init * 1000:.2f} ms")
    if result.error in ("Sandbox.Timedout", "Runtime.OutOfMemory", "Runtime.ExitError"):
        fields.append(f"Status: {'timeout' if result.error == 'Sandbox.Timedout' else 'error'}")
    return "\t".join(fields)


def platform_event(event_type: str, record: Mapping[str, object]) -> str:
    """Return one of Lambda's own log lines in the JSON format: `platform.start`, `platform.report`.

    https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
    """
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": time, "type": f"platform.{event_type}", "record": record})


def report_record(
    request_id: str, result: InvocationResult, *, memory: int, max_memory_used: int | None
) -> dict[str, object]:
    """Return the record of `platform.report`, with the numbers of `report_line`."""
    metrics: dict[str, object] = {
        "durationMs": round(result.duration * 1000, 3),
        "billedDurationMs": math.ceil((result.duration + (result.init or 0)) * 1000),
        "memorySizeMB": memory,
    }
    if max_memory_used is not None:
        metrics["maxMemoryUsedMB"] = max_memory_used
    if result.init is not None:
        metrics["initDurationMs"] = round(result.init * 1000, 3)
    status = "success"
    if result.error is not None:
        status = {
            "Sandbox.Timedout": "timeout",
            "Runtime.OutOfMemory": "failure",
            "Runtime.ExitError": "failure",
        }.get(result.error, "error")
    record: dict[str, object] = {"requestId": request_id, "metrics": metrics, "status": status}
    return record if result.error is None else {**record, "errorType": result.error}
