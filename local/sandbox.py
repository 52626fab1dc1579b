"""Run a function in a sandbox: a process with the real awslambdaric, for one request at a time.

A sandbox is the local counterpart of Lambda's execution environment. It enforces Lambda's limits
(10 s to initialise, the function's timeout for each request, its memory) and writes Lambda's log
lines. It has no read-only file system, no IAM, and a CPU that does not grow with the memory.
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
    failure,
    platform_event,
    process_exit,
    report_line,
    report_record,
)
from local.invocation_trace import InvocationTrace, TracedStatement
from local.output_pipe import OutputPipe
from local.runtime_api import Invocation, RuntimeApi
from local.template import LambdaFunction

SandboxState = Literal["starting", "idle", "busy", "ended"]

INIT_SECONDS = 10.0
MEMORY_CHECK_INTERVAL = 0.1
BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
# Errors after which Lambda does not use the execution environment again.
FATAL = frozenset(
    {
        "Runtime.OutOfMemory",
        "Function.ResponseSizeTooLarge",
        "Runtime.ExitError",
        "Sandbox.Timedout",
    }
)


class InitFailed(Exception):
    """The function could not be loaded. `result` is the result of the invocation that needed it."""

    def __init__(self, result: InvocationResult) -> None:
        super().__init__(result.error)
        self.result = result


class Sandbox:
    """One process that runs one function. Start it, invoke it any number of times, and stop it.

    `environment` has the environment variables of the process. `log` is called with each line of
    its output, without the line end. `fingerprint` identifies the code it was started from.
    """

    def __init__(
        self,
        function: LambdaFunction,
        environment: Mapping[str, str],
        log: Callable[[str], None],
        *,
        fingerprint: int = 0,
    ) -> None:
        self.function = function
        self.fingerprint = fingerprint
        self.alive = False
        self.idle_since = 0.0
        self.invocations = 0
        self._busy = False
        self._environment = environment
        self._json = function.log_format == "JSON"
        self._write_log = log
        self._api = RuntimeApi(function.name, function.timeout)
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._output: OutputPipe | None = None
        self._statements: OutputPipe | None = None
        self._trace = InvocationTrace()  # of the current or the next invocation
        self._init: float | None = None
        self._peak: tuple[float, int | None] = (float("-inf"), None)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def state(self) -> SandboxState:
        if not self._api.ready.is_set():
            return "starting"
        if not self.alive:
            return "ended"
        return "busy" if self._busy else "idle"

    @property
    def memory(self) -> int | None:
        """Peak memory in MB at the last reading; None before the first one and outside Linux."""
        return self._peak[1]

    async def start(self) -> None:
        """Return when the function is loaded. Raise InitFailed if it fails or takes over 10 s."""
        began = time.perf_counter()
        process = await self._spawn(await self._api.start())
        self.alive = True
        self._watch = asyncio.create_task(self._watch_process(process))
        try:
            async with asyncio.timeout(INIT_SECONDS):
                await self._api.ready.wait()
        except TimeoutError:
            result = failure(
                "Sandbox.Timedout", f"Init phase timed out after {INIT_SECONDS:.2f} seconds"
            )
        else:
            if self.alive:
                self._init = time.perf_counter() - began
                return
            result = self._api.init_error or process_exit(process.returncode or 0)
        milliseconds = (time.perf_counter() - began) * 1000
        await self.stop()
        self._log_failed_init(result, milliseconds)
        raise InitFailed(replace(result, trace=self._trace))

    async def _spawn(self, address: str) -> asyncio.subprocess.Process:
        self._output = output = OutputPipe(self._log_output)
        self._statements = statements = OutputPipe(self._add_statement)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_command(self.function, statements.write_end),
                cwd=self.function.folder,
                env={**self._environment, "AWS_LAMBDA_RUNTIME_API": address},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output.write_end,
                stderr=output.write_end,
                pass_fds=(statements.write_end,),
                start_new_session=True,  # so that stopping it also stops its own children
            )
        except OSError as error:  # the function's folder does not exist
            await self.stop()
            raise InitFailed(failure("Runtime.InvalidEntrypoint", str(error))) from error
        finally:
            output.close_write_end()
            statements.close_write_end()
        return self._process

    def _log_failed_init(self, result: InvocationResult, milliseconds: float) -> None:
        if self._json:
            record = {
                "phase": "init",
                "status": "error",
                "errorType": result.error,
                "metrics": {"durationMs": round(milliseconds, 3)},
            }
            self._log(platform_event("initReport", record))
        else:
            status = f"Phase: init\tStatus: error\tError Type: {result.error}"
            self._log(f"INIT_REPORT Init Duration: {milliseconds:.2f} ms\t{status}")

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Run one request; failures are in the result. Check `alive` before the next request."""
        request_id = invocation.request_id
        started: dict[str, object] = {"requestId": request_id, "version": "$LATEST"}
        self._log(
            platform_event("start", started)
            if self._json
            else f"START RequestId: {request_id} Version: $LATEST"
        )
        self.invocations += 1
        self._busy = True
        began = time.perf_counter()
        try:
            result = await self._api.invoke(invocation)
        except TimeoutError:
            message = f"Task timed out after {self.function.timeout:.2f} seconds"
            result = failure("Sandbox.Timedout", message, request_id)
        result = replace(result, duration=time.perf_counter() - began, init=self._init)
        max_memory_used = self._peak_memory()
        self._read_pipes()
        if result.error in FATAL:
            self._kill()
            self._log(f"{request_id} {result.error_message}")
        used: Any = {"memory": self.function.memory, "max_memory_used": max_memory_used}
        if self._json:
            self._log(platform_event("report", report_record(request_id, result, **used)))
        else:
            self._log(f"END RequestId: {request_id}")
            self._log(report_line(request_id, result, **used))
        trace, self._trace = self._trace, InvocationTrace()
        self._init, self._busy = None, False
        return replace(result, trace=trace)

    async def stop(self) -> None:
        """Kill the process and release its resources, as Lambda does."""
        self._kill()
        if self._watch is not None:
            await self._watch
        await self._api.stop()
        for pipe in (self._output, self._statements):
            if pipe is not None:
                pipe.close()

    def _kill(self) -> None:
        self.alive = False
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _watch_process(self, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        self.alive = False
        if self._output is not None:
            self._output.flush()
        self._api.end(process_exit(status))
        self._api.ready.set()  # wakes `start`, which then sees that the process has ended

    def _read_pipes(self) -> None:
        """Read what the process has written, so that it precedes the END of its request."""
        for pipe in (self._output, self._statements):
            if pipe is not None:
                pipe.read()

    def _log_output(self, line: bytes) -> None:
        # awslambdaric separates the lines of a traceback by CR
        self._log(line.decode(errors="replace").replace("\r", "\n"))

    def _log(self, line: str) -> None:
        self._trace.add_line(line)
        self._write_log(line)

    def _add_statement(self, line: bytes) -> None:
        statement = TracedStatement.from_line(line)
        if statement is not None:
            self._trace.add_statement(statement)

    def _peak_memory(self) -> int | None:
        """Return the peak memory in MB, or None outside Linux.

        It is read at most ten times a second: reading costs as much as passing on a request.
        """
        now = time.monotonic()
        if now - self._peak[0] > MEMORY_CHECK_INTERVAL:
            try:
                status = Path(f"/proc/{self.pid}/status").read_text()
            except FileNotFoundError:
                return None
            fields = status.partition("VmHWM:")[2].split(maxsplit=1)
            self._peak = (now, round(int(fields[0]) / 1024) if fields else None)
        return self._peak[1]


def _command(function: LambdaFunction, trace: int) -> list[str]:
    """Return the command line of the sandbox. `trace` is the pipe for its SQL statements.

    -P and -s keep this repository and the user's site-packages off the path. For a built function,
    -S also keeps off the packages that are installed in this environment.
    """
    # outside Linux, RLIMIT_DATA limits nothing
    memory = str(function.memory) if sys.platform == "linux" else "-"
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
        str(trace),
        function.handler,
    ]
