"""A pool of sandboxes: concurrent requests, and code that changes between requests."""

import asyncio
import json
from pathlib import Path

import pytest

from local.invocation_result import InvocationResult
from local.pool import SandboxPool, Throttled
from tests.fixtures.waiting import DEADLINE, asynchronous, until
from tests.local.conftest import PoolOpener

# Creates a file for its request, and returns its pid when the file `go` exists.
GATED = """
    import os, pathlib, time
    def handler(event, context):
        here = pathlib.Path(event["here"])
        (here / str(event["number"])).touch()
        while not (here / "go").exists():
            time.sleep(0.005)
        return os.getpid()
"""


def start(pool: SandboxPool, here: Path, count: int) -> list[asyncio.Task[object]]:
    here.mkdir(exist_ok=True)

    async def one(number: int) -> object:
        result = await pool.invoke(json.dumps({"here": str(here), "number": number}).encode())
        return json.loads(result.payload)

    return [asyncio.create_task(one(number)) for number in range(count)]


async def wait_for_payload(pool: SandboxPool, payload: bytes) -> InvocationResult:
    """Invoke the function until it returns `payload`: the code is checked only now and then."""
    async with asyncio.timeout(DEADLINE):
        while (result := await pool.invoke(b"{}")).payload != payload:
            continue
    return result


@asynchronous
async def test_concurrent_requests_use_own_sandboxes(open_pool: PoolOpener, tmp_path: Path) -> None:
    here = tmp_path / "gate"
    async with open_pool(GATED, timeout=10) as (pool, _):
        running = start(pool, here, 4)
        await until(lambda: len(list(here.iterdir())) == 4)
        (here / "go").touch()
        assert len(set(await asyncio.gather(*running))) == 4


@asynchronous
async def test_status_of_each_sandbox(open_pool: PoolOpener, tmp_path: Path) -> None:
    here = tmp_path / "gate"
    async with open_pool(GATED, timeout=10, max_sandboxes=1) as (pool, _):
        running = start(pool, here, 2)
        await until(lambda: len(list(here.iterdir())) == 1)
        (busy,), waiting = pool.statuses(), pool.waiting
        (here / "go").touch()
        await asyncio.gather(*running)
        (idle,), left = pool.statuses(), pool.waiting
    assert (busy.number, busy.state, busy.invocations, waiting) == (1, "busy", 1, 1)
    assert (idle.number, idle.state, idle.invocations, left) == (1, "idle", 2, 0)


@asynchronous
async def test_requests_wait_for_a_sandbox(open_pool: PoolOpener, tmp_path: Path) -> None:
    here = tmp_path / "gate"
    async with open_pool(GATED, timeout=10, max_sandboxes=1) as (pool, _):
        running = start(pool, here, 3)
        await until(lambda: len(list(here.iterdir())) == 1)
        (here / "go").touch()
        assert len(set(await asyncio.gather(*running))) == 1


@asynchronous
async def test_requests_over_concurrency_are_throttled(
    open_pool: PoolOpener, tmp_path: Path
) -> None:
    here = tmp_path / "gate"
    async with open_pool(GATED, timeout=10, concurrency=1) as (pool, _):
        running = start(pool, here, 1)
        await until(lambda: (here / "0").exists())
        with pytest.raises(Throttled):
            await pool.invoke(b"{}")
        (here / "go").touch()
        await running[0]
        event = json.dumps({"here": str(here), "number": 1}).encode()
        assert (await pool.invoke(event)).error is None


@asynchronous
async def test_every_waiting_request_gets_init_error(
    open_pool: PoolOpener,
) -> None:
    async with open_pool("import no_such_module", max_sandboxes=2) as (pool, _):
        outcomes = await asyncio.gather(*(pool.invoke(b"{}") for _ in range(5)))
    assert {result.error for result in outcomes} == {"Runtime.ImportModuleError"}


@asynchronous
async def test_next_request_runs_edited_code(open_pool: PoolOpener) -> None:
    async with open_pool("def handler(event, context): return 'one'") as (pool, _):
        before = await pool.invoke(b"{}")
        (pool.function.folder / "handler.py").write_text(
            "def handler(event, context): return 'two!'"
        )
        after = await wait_for_payload(pool, b'"two!"')
        again = await pool.invoke(b"{}")
    assert before.payload == b'"one"'
    assert after.init is not None
    assert again.init is None


@asynchronous
async def test_new_module_in_layer_is_found(open_pool: PoolOpener, tmp_path: Path) -> None:
    layer = tmp_path / "layer" / "shop"
    layer.mkdir(parents=True)
    (layer / "prices.py").write_text("PRICE = 1")
    source = "import shop.prices\ndef handler(event, context): return shop.prices.PRICE"
    async with open_pool(source, layers=(layer.parent,)) as (pool, _):
        before = await pool.invoke(b"{}")
        (layer / "prices.py").write_text("from shop.taxes import PRICE")
        (layer / "taxes.py").write_text("PRICE = 2")
        await wait_for_payload(pool, b"2")
    assert before.payload == b"1"


@asynchronous
async def test_repaired_function_is_loaded_again(open_pool: PoolOpener) -> None:
    async with open_pool("def handler(:") as (pool, _):
        broken = await pool.invoke(b"{}")
        (pool.function.folder / "handler.py").write_text("def handler(event, context): return 1")
        await wait_for_payload(pool, b"1")
    assert broken.error == "Runtime.UserCodeSyntaxError"


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@asynchronous
async def test_stop_waits_for_discarded_sandboxes(open_pool: PoolOpener) -> None:
    """Edited code discards a sandbox in the background. `stop` closes its sockets and pipes too."""
    before = open_files()
    async with open_pool("def handler(event, context): return 1") as (pool, _):
        await pool.invoke(b"{}")
        (pool.function.folder / "handler.py").write_text("def handler(event, context): return 22")
        request = asyncio.create_task(pool.invoke(b"{}"))
        await asyncio.wait({request}, timeout=0)
        assert (pool.waiting, request.done()) == (1, False)
    assert open_files() == before


@asynchronous
async def test_stop_starts_nothing_for_requests_that_wait(
    open_pool: PoolOpener, tmp_path: Path
) -> None:
    here = tmp_path / "gate"
    async with open_pool(GATED, timeout=10, max_sandboxes=1) as (pool, _):
        running = start(pool, here, 3)
        await until(lambda: len(list(here.iterdir())) == 1)
        await pool.stop()
        await asyncio.wait(running)
        assert [status.number for status in pool.statuses()] == [1]
