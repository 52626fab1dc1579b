"""How did an invocation end? The service's own names for it, and the lines it writes to the log, as text or JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_PAYLOAD = 6_291_556  # bytes, either way, as the service words it in its error


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """`error` is None where the function returned; else its type, and `payload` the service's error document.

    Times in seconds; `init` is there where the sandbox was new.
    """

    payload: bytes
    error: str | None = None
    duration: float = 0.0
    init: float | None = None

    @property
    def error_message(self) -> str:
        return str(json.loads(self.payload).get("errorMessage", "")) if self.error else ""


def failure(kind: str, message: str, request_id: str = "") -> InvocationResult:
    """An invocation that ended without an answer of the function's own."""
    told = f"RequestId: {request_id} Error: {message}" if request_id else message
    return InvocationResult(
        json.dumps({"errorType": kind, "errorMessage": told}).encode(), error=kind
    )


def exited(status: int, request_id: str = "") -> InvocationResult:
    """The process ended by itself; `status` is Popen's, negative for a signal."""
    if status == 0:
        return failure("Runtime.ExitError", "Runtime exited without providing a reason", request_id)
    how = f"signal: {-status}" if status < 0 else f"exit status {status}"
    return failure("Runtime.ExitError", f"Runtime exited with error: {how}", request_id)


def report(
    request_id: str, outcome: InvocationResult, *, memory: int, most_used: int | None
) -> str:
    """The REPORT line. Memory in MB; initialisation is billed, as it has been since August 2025."""
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {outcome.duration * 1000:.2f} ms",
        f"Billed Duration: {math.ceil((outcome.duration + (outcome.init or 0)) * 1000)} ms",
        f"Memory Size: {memory} MB",
    ]
    if most_used is not None:
        fields.append(f"Max Memory Used: {most_used} MB")
    if outcome.init is not None:
        fields.append(f"Init Duration: {outcome.init * 1000:.2f} ms")
    if outcome.error in ("Sandbox.Timedout", "Runtime.OutOfMemory", "Runtime.ExitError"):
        fields.append(f"Status: {'timeout' if outcome.error == 'Sandbox.Timedout' else 'error'}")
    return "\t".join(fields)


def platform(kind: str, record: Mapping[str, object]) -> str:
    """A line of the service's own in the JSON format: `platform.start`, `platform.report`, …

    https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
    """
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": time, "type": f"platform.{kind}", "record": record})


def report_record(
    request_id: str, outcome: InvocationResult, *, memory: int, most_used: int | None
) -> dict[str, object]:
    """What `platform.report` tells; as `report` does."""
    metrics: dict[str, object] = {
        "durationMs": round(outcome.duration * 1000, 3),
        "billedDurationMs": math.ceil((outcome.duration + (outcome.init or 0)) * 1000),
        "memorySizeMB": memory,
    }
    if most_used is not None:
        metrics["maxMemoryUsedMB"] = most_used
    if outcome.init is not None:
        metrics["initDurationMs"] = round(outcome.init * 1000, 3)
    status = "success"
    if outcome.error is not None:
        status = {
            "Sandbox.Timedout": "timeout",
            "Runtime.OutOfMemory": "failure",
            "Runtime.ExitError": "failure",
        }.get(outcome.error, "error")
    record: dict[str, object] = {"requestId": request_id, "metrics": metrics, "status": status}
    return record if outcome.error is None else {**record, "errorType": outcome.error}
