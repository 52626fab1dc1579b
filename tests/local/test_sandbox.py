"""What one sandbox does to a function: Lambda's budgets, limits, environment and log, with the real runtime in it."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.invocation_result import InvocationResult
from tests.local.conftest import FunctionFactory, PoolOpener
from tests.local.waiting import asynchronous, is_running, wait_until

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="limits and leashes are the Linux kernel's"
)
PID = "import os\ndef handler(event, context):\n    return os.getpid()\n"


def answer(outcome: InvocationResult) -> object:
    assert outcome.error is None, outcome.payload
    return json.loads(outcome.payload)


@asynchronous
async def test_a_warm_sandbox_is_used_again_and_initialised_once(open_pool: PoolOpener) -> None:
    async with open_pool(PID) as (pool, _):
        cold, warm = await pool.invoke(b"{}"), await pool.invoke(b"{}")
    assert answer(cold) == answer(warm)
    assert cold.init is not None
    assert warm.init is None


@asynchronous
async def test_a_function_gets_its_event_and_lambdas_context(open_pool: PoolOpener) -> None:
    source = """
        def handler(event, context):
            return [event, context.function_name, context.invoked_function_arn, context.memory_limit_in_mb,
                    0 < context.get_remaining_time_in_millis() <= 5000]
    """
    async with open_pool(source, timeout=5) as (pool, _):
        got = answer(await pool.invoke('{"é": 1}'.encode()))
    arn = "arn:aws:lambda:us-east-1:123456789012:function:EchoFunction"
    assert got == [{"é": 1}, "EchoFunction", arn, "256", True]


@asynchronous
async def test_the_environment_holds_nothing_of_the_shell(
    open_pool: PoolOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_OF_THE_SHELL", "1")
    source = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
    async with open_pool(source, variables={"SLUICE_STAGE": "local"}) as (pool, _):
        got = answer(await pool.invoke(b"{}"))
    assert isinstance(got, dict)
    assert got["SLUICE_STAGE"] == "local"
    assert got["TZ"] == ":UTC"
    assert re.fullmatch(
        r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", got["_X_AMZN_TRACE_ID"]
    )
    ours = {name for name in got if not name.startswith(("AWS_", "LAMBDA_", "LC_", "_"))}
    assert ours == {"PATH", "LANG", "TZ", "PYTHONPATH", "SLUICE_STAGE", "SLUICE_SERVER_TIMING"}


@asynchronous
async def test_a_function_that_runs_too_long_is_killed_and_replaced(open_pool: PoolOpener) -> None:
    source = PID.replace("    return", "    while event: pass\n    return")
    async with open_pool(source, timeout=0.3) as (pool, lines):
        first = answer(await pool.invoke(b"{}"))
        late = await pool.invoke(b'{"for": "ever"}')
        second = answer(await pool.invoke(b"{}"))
    assert late.error == "Sandbox.Timedout"
    assert "Task timed out after 0.30 seconds" in late.error_message
    assert isinstance(first, int)
    assert first != second
    assert not is_running(first)
    assert any("Status: timeout" in line for line in lines)


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        ("import no_such_module", "Runtime.ImportModuleError", "no_such_module"),
        ("def another(event, context): ...", "Runtime.HandlerNotFound", "handler"),
        ("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error"),
        ("raise ValueError('no settings')", "ValueError", "no settings"),
        ("import os; os._exit(3)", "Runtime.ExitError", "exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", "Runtime.ExitError", "signal: 9"),
    ],
)
def test_a_function_that_cannot_be_loaded_says_why(
    open_pool: PoolOpener, source: str, error: str, told: str
) -> None:
    @asynchronous
    async def load() -> None:
        async with open_pool(source) as (pool, lines):
            outcome = await pool.invoke(b"{}")
        assert outcome.error == error
        assert told in outcome.error_message
        assert any(line.startswith("INIT_REPORT") for line in lines)

    load()


@asynchronous
async def test_an_exception_is_the_services_error_document_and_keeps_the_sandbox(
    open_pool: PoolOpener,
) -> None:
    source = PID.replace("    return", "    if event: raise KeyError('x')\n    return")
    async with open_pool(source) as (pool, _):
        before, failed, after = [await pool.invoke(event) for event in (b"{}", b'{"a": 1}', b"{}")]
    document = json.loads(failed.payload)
    assert failed.error == document["errorType"] == "KeyError"
    assert "handler.py" in document["stackTrace"][0]
    assert answer(before) == answer(after)


@asynchronous
async def test_a_crash_ends_the_request_and_the_next_one_finds_a_new_sandbox(
    open_pool: PoolOpener,
) -> None:
    source = PID.replace("    return", "    if event: os._exit(1)\n    return")
    async with open_pool(source) as (pool, _):
        crashed = await pool.invoke(b'{"a": 1}')
        assert isinstance(answer(await pool.invoke(b"{}")), int)
    assert crashed.error == "Runtime.ExitError"
    assert "exit status 1" in crashed.error_message


@asynchronous
async def test_an_answer_over_six_megabytes_is_refused(open_pool: PoolOpener) -> None:
    async with open_pool("def handler(event, context): return 'x' * event['size']") as (pool, _):
        large = await pool.invoke(b'{"size": 6000000}')
        larger = await pool.invoke(b'{"size": 6300000}')
        again = await pool.invoke(b'{"size": 1}')
    assert large.error is None
    assert larger.error == "Function.ResponseSizeTooLarge"
    assert answer(again) == "x"


@asynchronous
async def test_an_event_over_six_megabytes_is_refused_before_any_sandbox(
    open_pool: PoolOpener,
) -> None:
    async with open_pool("import no_such_module") as (pool, lines):
        outcome = await pool.invoke(b'"%s"' % (b"x" * 6_300_000))
    assert outcome.error == "RequestEntityTooLargeException"
    assert lines == []


@on_linux
@asynchronous
async def test_memory_over_the_functions_limit_ends_the_sandbox(open_pool: PoolOpener) -> None:
    source = PID.replace("    return", "    data = bytearray(event['mb'] << 20)\n    return")
    async with open_pool(source, memory=256) as (pool, lines):
        small = answer(await pool.invoke(b'{"mb": 100}'))
        large = await pool.invoke(b'{"mb": 600}')
        other = answer(await pool.invoke(b'{"mb": 1}'))
    assert large.error == "Runtime.OutOfMemory"
    assert small != other
    assert re.search(r"Memory Size: 256 MB\tMax Memory Used: 1\d\d MB", lines[2])


@asynchronous
async def test_what_a_function_prints_stands_between_start_and_report(
    open_pool: PoolOpener,
) -> None:
    source = "import sys\ndef handler(event, context):\n    print('out')\n    print('err', file=sys.stderr)\n    return 1\n"
    async with open_pool(source) as (pool, lines):
        outcome = await pool.invoke(b"{}")
    start, *printed, end, report = lines
    request_id = re.fullmatch(r"START RequestId: ([0-9a-f-]{36}) Version: \$LATEST", start)
    assert request_id is not None
    assert sorted(printed) == ["err", "out"]
    assert end == f"END RequestId: {request_id[1]}"
    assert report.startswith(
        f"REPORT RequestId: {request_id[1]}\tDuration: {outcome.duration * 1000:.2f} ms\tBilled"
    )
    assert "Init Duration: " in report


@on_linux
def test_sandboxes_die_with_a_parent_that_is_killed(write_function: FunctionFactory) -> None:
    function = write_function("def handler(event, context): return 1")
    program = f"""
        import asyncio
        from pathlib import Path
        from local.sandbox import Sandbox
        from local.template import LambdaFunction
        async def main():
            function = LambdaFunction("F", Path({str(function.folder)!r}), "handler.handler", memory=256)
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
