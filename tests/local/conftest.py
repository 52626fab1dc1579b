"""What the tests of the local system share: small functions, each in a folder, and a home that servers can live in."""

import shutil
import tempfile
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local.environment import function_env_vars
from local.pool import SandboxPool
from local.template import LambdaFunction

FunctionFactory = Callable[..., LambdaFunction]
PoolOpener = Callable[..., AbstractAsyncContextManager[tuple[SandboxPool, list[str]]]]


@pytest.fixture
def write_function(tmp_path: Path) -> FunctionFactory:
    """`write_function(source, timeout=…)` makes a Lambda function of a handler's source."""

    def write(source: str, **settings: Any) -> LambdaFunction:
        folder = tmp_path / "function"
        folder.mkdir(exist_ok=True)
        (folder / "handler.py").write_text(textwrap.dedent(source))
        return LambdaFunction(
            "EchoFunction", folder, "handler.handler", **{"memory": 256, **settings}
        )

    return write


@pytest.fixture
def open_pool(write_function: FunctionFactory) -> PoolOpener:
    """`async with open_pool(source) as (pool, lines)`: its sandboxes end with the block; `lines` is the log."""

    @asynccontextmanager
    async def opened(
        source: str, *, sandboxes: int = 10, **settings: Any
    ) -> AsyncIterator[tuple[SandboxPool, list[str]]]:
        function = write_function(source, **settings)
        lines: list[str] = []
        environment = function_env_vars(function, {})
        pool = SandboxPool(
            function, environment, lambda _, line: lines.append(line), sandboxes=sandboxes
        )
        try:
            yield pool, lines
        finally:
            await pool.stop()

    return opened


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's user can reach, as pytest's own cannot be where tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-home-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
