"""A sandbox with the real runtime: Lambda's timeouts, limits, environment variables and log."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.invocation_result import InvocationResult
from tests.fixtures.waiting import asynchronous, is_running, wait_until
from tests.local.conftest import FunctionFactory, PoolOpener

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="memory limits and parent death signals need Linux"
)
PID = "import os\ndef handler(event, context):\n    return os.getpid()\n"


def returned(result: InvocationResult) -> object:
    assert result.error is None, result.payload
    return json.loads(result.payload)


@asynchronous
async def test_warm_sandbox_is_reused(open_pool: PoolOpener) -> None:
    async with open_pool(PID) as (pool, _):
        cold, warm = await pool.invoke(b"{}"), await pool.invoke(b"{}")
    assert returned(cold) == returned(warm)
    assert cold.init is not None
    assert warm.init is None


@asynchronous
async def test_function_gets_event_and_context(open_pool: PoolOpener) -> None:
    source = """
        def handler(event, context):
            remaining = context.get_remaining_time_in_millis()
            return [event, context.function_name, context.invoked_function_arn,
                    context.memory_limit_in_mb, 0 < remaining <= 5000]
    """
    async with open_pool(source, timeout=5) as (pool, _):
        got = returned(await pool.invoke('{"é": 1}'.encode()))
    arn = "arn:aws:lambda:us-east-1:123456789012:function:EchoFunction"
    assert got == [{"é": 1}, "EchoFunction", arn, "256", True]


@asynchronous
async def test_shell_variables_are_not_passed_on(
    open_pool: PoolOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_FROM_SHELL", "1")
    source = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
    async with open_pool(source, variables={"SLUICE_STAGE": "local"}) as (pool, _):
        got = returned(await pool.invoke(b"{}"))
    assert isinstance(got, dict)
    assert got["SLUICE_STAGE"] == "local"
    assert got["TZ"] == ":UTC"
    assert re.fullmatch(
        r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", got["_X_AMZN_TRACE_ID"]
    )
    others = {name for name in got if not name.startswith(("AWS_", "LAMBDA_", "LC_", "_"))}
    assert others == {"PATH", "LANG", "TZ", "PYTHONPATH", "SLUICE_STAGE", "SLUICE_SERVER_TIMING"}


@asynchronous
async def test_timeout_kills_the_sandbox(open_pool: PoolOpener) -> None:
    source = PID.replace("    return", "    while event: pass\n    return")
    async with open_pool(source, timeout=0.3) as (pool, lines):
        first = returned(await pool.invoke(b"{}"))
        late = await pool.invoke(b'{"for": "ever"}')
        second = returned(await pool.invoke(b"{}"))
    assert late.error == "Sandbox.Timedout"
    assert "Task timed out after 0.30 seconds" in late.error_message
    assert isinstance(first, int)
    assert first != second
    assert not is_running(first)
    assert any("Status: timeout" in line for line in lines)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("import no_such_module", "Runtime.ImportModuleError", "no_such_module"),
        ("def another(event, context): ...", "Runtime.HandlerNotFound", "handler"),
        ("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error"),
        ("raise ValueError('no settings')", "ValueError", "no settings"),
        ("import os; os._exit(3)", "Runtime.ExitError", "exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", "Runtime.ExitError", "signal: 9"),
    ],
)
def test_init_error_names_the_cause(
    open_pool: PoolOpener, source: str, error: str, message: str
) -> None:
    @asynchronous
    async def load() -> None:
        async with open_pool(source) as (pool, lines):
            result = await pool.invoke(b"{}")
        assert result.error == error
        assert message in result.error_message
        assert any(line.startswith("INIT_REPORT") for line in lines)

    load()


@asynchronous
async def test_exception_keeps_the_sandbox(
    open_pool: PoolOpener,
) -> None:
    source = PID.replace("    return", "    if event: raise KeyError('x')\n    return")
    async with open_pool(source) as (pool, _):
        before, failed, after = [await pool.invoke(event) for event in (b"{}", b'{"a": 1}', b"{}")]
    document = json.loads(failed.payload)
    assert failed.error == document["errorType"] == "KeyError"
    assert "handler.py" in document["stackTrace"][0]
    assert returned(before) == returned(after)


@asynchronous
async def test_crash_replaces_the_sandbox(
    open_pool: PoolOpener,
) -> None:
    source = PID.replace("    return", "    if event: os._exit(1)\n    return")
    async with open_pool(source) as (pool, _):
        crashed = await pool.invoke(b'{"a": 1}')
        assert isinstance(returned(await pool.invoke(b"{}")), int)
    assert crashed.error == "Runtime.ExitError"
    assert "exit status 1" in crashed.error_message


@asynchronous
async def test_response_over_six_megabytes_fails(open_pool: PoolOpener) -> None:
    async with open_pool("def handler(event, context): return 'x' * event['size']") as (pool, _):
        large = await pool.invoke(b'{"size": 6000000}')
        larger = await pool.invoke(b'{"size": 6300000}')
        again = await pool.invoke(b'{"size": 1}')
    assert large.error is None
    assert larger.error == "Function.ResponseSizeTooLarge"
    assert returned(again) == "x"


@asynchronous
async def test_event_over_six_megabytes_is_rejected(
    open_pool: PoolOpener,
) -> None:
    async with open_pool("import no_such_module") as (pool, lines):
        result = await pool.invoke(b'"%s"' % (b"x" * 6_300_000))
    assert result.error == "RequestEntityTooLargeException"
    assert lines == []


@on_linux
@asynchronous
async def test_memory_limit_ends_the_sandbox(open_pool: PoolOpener) -> None:
    source = PID.replace("    return", "    data = bytearray(event['mb'] << 20)\n    return")
    async with open_pool(source, memory=256) as (pool, lines):
        small = returned(await pool.invoke(b'{"mb": 100}'))
        large = await pool.invoke(b'{"mb": 600}')
        other = returned(await pool.invoke(b'{"mb": 1}'))
    assert large.error == "Runtime.OutOfMemory"
    assert small != other
    assert re.search(r"Memory Size: 256 MB\tMax Memory Used: 1\d\d MB", lines[2])


@asynchronous
async def test_output_is_between_start_and_report(
    open_pool: PoolOpener,
) -> None:
    source = """
        import sys
        def handler(event, context):
            print('out')
            print('err', file=sys.stderr)
            return 1
    """
    async with open_pool(source) as (pool, lines):
        result = await pool.invoke(b"{}")
    start, *printed, end, report = lines
    request_id = re.fullmatch(r"START RequestId: ([0-9a-f-]{36}) Version: \$LATEST", start)
    assert request_id is not None
    assert sorted(printed) == ["err", "out"]
    assert end == f"END RequestId: {request_id[1]}"
    assert report.startswith(
        f"REPORT RequestId: {request_id[1]}\tDuration: {result.duration * 1000:.2f} ms\tBilled"
    )
    assert "Init Duration: " in report


@on_linux
def test_sandbox_ends_with_its_killed_parent(write_function: FunctionFactory) -> None:
    function = write_function("def handler(event, context): return 1")
    program = f"""
        import asyncio
        from pathlib import Path
        from local.sandbox import Sandbox
        from local.template import LambdaFunction
        async def main():
            folder = Path({str(function.folder)!r})
            function = LambdaFunction("F", folder, "handler.handler", memory=256)
            sandbox = Sandbox(function, {{"PATH": "/usr/bin"}}, print)
            await sandbox.start()
            print(sandbox.pid, flush=True)
            await asyncio.Event().wait()
        asyncio.run(main())
    """
    command = [sys.executable, "-c", "\n".join(line[8:] for line in program.splitlines())]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_running(pid), "the end of the sandbox")
