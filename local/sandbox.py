"""One execution environment: a process with the real awslambdaric in it, that runs one request at a time.

It has Lambda's budgets (10 s to initialise, the function's timeout for each request), its memory limit and its log
lines. What it does not have: a read-only file system, IAM, and a CPU that grows with the memory.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from local.invocation_result import (
    InvocationResult,
    exited,
    failure,
    platform,
    report,
    report_record,
)
from local.runtime_api import Invocation, RuntimeApi
from local.template import LambdaFunction

State = Literal["starting", "idle", "busy", "ended"]

INIT_SECONDS = 10.0
PEAK_SECONDS = 0.1
LONGEST_LINE = 1024 * 1024  # CloudWatch's limit for one event
BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
# Errors after which the service does not trust the environment again.
FATAL = frozenset(
    {
        "Runtime.OutOfMemory",
        "Function.ResponseSizeTooLarge",
        "Runtime.ExitError",
        "Sandbox.Timedout",
    }
)


class InitFailed(Exception):
    """The function cannot be loaded; `outcome` is what the invocation that wanted it gets."""

    def __init__(self, outcome: InvocationResult) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome


class Sandbox:
    """Start it, invoke it any number of times, stop it. `log` gets each line, without its end.

    `stamp` says which state of the code it was started from.
    """

    def __init__(
        self,
        function: LambdaFunction,
        environment: Mapping[str, str],
        log: Callable[[str], None],
        *,
        stamp: int = 0,
    ) -> None:
        self.function = function
        self.stamp = stamp
        self.alive = False
        self.idle_since = 0.0
        self.invocations = 0
        self._busy = False
        self._environment = environment
        self._json = function.log_format == "JSON"
        self._log = log
        self._api = RuntimeApi(function.name, function.timeout)
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._output = -1
        self._partial = b""
        self._init: float | None = None
        self._peak: tuple[float, int | None] = (float("-inf"), None)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def state(self) -> State:
        if not self._api.ready.is_set():
            return "starting"
        if not self.alive:
            return "ended"
        return "busy" if self._busy else "idle"

    @property
    def memory(self) -> int | None:
        """The most it has used, in MB, as it was read last."""
        return self._peak[1]

    async def start(self) -> None:
        """Return when the function is loaded; `InitFailed` where it raises, exits or takes over 10 s."""
        began = time.perf_counter()
        address = await self._api.start()
        self._output, theirs = os.pipe()
        os.set_blocking(self._output, False)
        asyncio.get_running_loop().add_reader(self._output, self._read_output)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_command(self.function),
                cwd=self.function.folder,
                env={**self._environment, "AWS_LAMBDA_RUNTIME_API": address},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,  # so that stopping it stops what it started
            )
        except OSError as error:  # the function's folder is not there
            await self.stop()
            raise InitFailed(failure("Runtime.InvalidEntrypoint", str(error))) from error
        finally:
            os.close(theirs)
        self.alive = True
        self._watch = asyncio.create_task(self._watch_process(self._process))
        try:
            async with asyncio.timeout(INIT_SECONDS):
                await self._api.ready.wait()
        except TimeoutError:
            outcome = failure(
                "Sandbox.Timedout", f"Init phase timed out after {INIT_SECONDS:.2f} seconds"
            )
        else:
            if self.alive:
                self._init = time.perf_counter() - began
                return
            outcome = self._api.init_error or exited(self._process.returncode or 0)
        took = (time.perf_counter() - began) * 1000
        await self.stop()
        if self._json:
            metrics = {"durationMs": round(took, 3)}
            record = {
                "phase": "init",
                "status": "error",
                "errorType": outcome.error,
                "metrics": metrics,
            }
            self._log(platform("initReport", record))
        else:
            told = f"Phase: init\tStatus: error\tError Type: {outcome.error}"
            self._log(f"INIT_REPORT Init Duration: {took:.2f} ms\t{told}")
        raise InitFailed(outcome)

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Run one request; whatever goes wrong in it is in the outcome. Ask `alive` before the next."""
        request_id = invocation.request_id
        started: dict[str, object] = {"requestId": request_id, "version": "$LATEST"}
        self._log(
            platform("start", started)
            if self._json
            else f"START RequestId: {request_id} Version: $LATEST"
        )
        self.invocations += 1
        self._busy = True
        began = time.perf_counter()
        try:
            outcome = await self._api.invoke(invocation)
        except TimeoutError:
            told = f"Task timed out after {self.function.timeout:.2f} seconds"
            outcome = failure("Sandbox.Timedout", told, request_id)
        outcome = replace(outcome, duration=time.perf_counter() - began, init=self._init)
        most_used = self._peak_memory()
        self._read_output()
        if outcome.error in FATAL:
            self._kill()
            self._log(f"{request_id} {outcome.error_message}")
        used: Any = {"memory": self.function.memory, "most_used": most_used}
        if self._json:
            self._log(platform("report", report_record(request_id, outcome, **used)))
        else:
            self._log(f"END RequestId: {request_id}")
            self._log(report(request_id, outcome, **used))
        self._init, self._busy = None, False
        return outcome

    async def stop(self) -> None:
        """Kill the process, as the service does; nothing of it stays."""
        self._kill()
        if self._watch is not None:
            await self._watch
        await self._api.stop()
        if self._output >= 0:
            asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = -1

    def _kill(self) -> None:
        self.alive = False
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _watch_process(self, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        self.alive = False
        self._read_output()
        if self._partial:
            self._log(self._partial.decode(errors="replace"))
        self._api.end(exited(status))
        self._api.ready.set()  # wakes `start`, which sees that nobody is there

    def _read_output(self) -> None:
        """Take what the process has written by now, so that its lines come before the END of their request."""
        if self._output < 0:
            return
        while True:
            try:
                chunk = os.read(self._output, 65536)
            except BlockingIOError:
                return
            if not chunk:
                asyncio.get_running_loop().remove_reader(self._output)
                return
            *lines, self._partial = (self._partial + chunk).split(b"\n")
            if len(self._partial) > LONGEST_LINE:
                lines.append(self._partial)
                self._partial = b""
            for line in lines:
                self._log(
                    line.decode(errors="replace").replace("\r", "\n")
                )  # awslambdaric joins tracebacks by CR

    def _peak_memory(self) -> int | None:
        """In MB, read ten times a second at most, for it costs as much as handing over a request. None but on Linux."""
        now = time.monotonic()
        if now - self._peak[0] > PEAK_SECONDS:
            try:
                status = Path(f"/proc/{self.pid}/status").read_text()
            except FileNotFoundError:
                return None
            told = status.partition("VmHWM:")[2].split(maxsplit=1)
            self._peak = (now, round(int(told[0]) / 1024) if told else None)
        return self._peak[1]


def _command(function: LambdaFunction) -> list[str]:
    """-P and -s keep folders of ours off the path, -S (for a built function) everything that is installed here."""
    memory = (
        str(function.memory) if sys.platform == "linux" else "-"
    )  # elsewhere RLIMIT_DATA limits nothing
    packages = "-"
    flags = ["-s", "-P"]
    if function.built:
        import awslambdaric

        flags.append("-S")
        packages = str(Path(awslambdaric.__path__[0]).parent)
    return [
        sys.executable,
        *flags,
        str(BOOTSTRAP),
        str(os.getpid()),
        memory,
        packages,
        function.handler,
    ]
