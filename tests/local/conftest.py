"""Fixtures for the local system: functions, pools, gateways, and a home folder for servers."""

import asyncio
import shutil
import tempfile
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local.environment import function_env_vars
from local.gateway import LIMITS, AccessRecord, Gateway
from local.http1 import HttpLimits
from local.pool import SandboxPool
from local.template import CorsConfiguration, HttpApiRoute, LambdaFunction, SamTemplate
from tests.local.raw_client import RawClient

FunctionFactory = Callable[..., LambdaFunction]
PoolOpener = Callable[..., AbstractAsyncContextManager[tuple[SandboxPool, list[str]]]]
ServeGateway = Callable[..., AbstractAsyncContextManager[tuple[RawClient, list[AccessRecord]]]]
# Returns the body of the request as parsed JSON, or else its event.
ECHO = """
    import json
    def handler(event, context):
        return event.get("body") and json.loads(event["body"]) or event
"""
ROUTES = (
    "ANY /api/products",
    "ANY /api/products/{id}",
    "GET /api/products/new",
    "POST /files/{proxy+}",
)


@pytest.fixture
def write_function(tmp_path: Path) -> FunctionFactory:
    """`write_function(source, timeout=…)` writes a handler and returns its Lambda function."""

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
    """`async with open_pool(source) as (pool, lines)`: a pool, stopped at the end, and its log."""

    @asynccontextmanager
    async def opened(
        source: str, *, max_sandboxes: int = 10, **settings: Any
    ) -> AsyncIterator[tuple[SandboxPool, list[str]]]:
        function = write_function(source, **settings)
        lines: list[str] = []
        environment = function_env_vars(function, {})
        pool = SandboxPool(
            function, environment, lambda _, line: lines.append(line), max_sandboxes=max_sandboxes
        )
        try:
            yield pool, lines
        finally:
            await pool.stop()

    return opened


@pytest.fixture
def serve(open_pool: PoolOpener) -> ServeGateway:
    """Return a context manager that runs a gateway with one function behind all routes.

    `async with serve(source) as (client, accesses)`: a client, and the list of access records.
    """

    @asynccontextmanager
    async def serving(
        source: str = ECHO,
        *,
        routes: tuple[str, ...] = ROUTES,
        cors: CorsConfiguration | None = None,
        limits: HttpLimits = LIMITS,
        integration_seconds: float = 30.0,
        **settings: object,
    ) -> AsyncIterator[tuple[RawClient, list[AccessRecord]]]:
        accesses: list[AccessRecord] = []
        async with open_pool(source, **settings) as (pool, _):
            template = SamTemplate(
                {}, tuple(HttpApiRoute(key, "EchoFunction") for key in routes), cors
            )
            gateway = Gateway(
                template,
                {"EchoFunction": pool},
                accesses.append,
                limits=limits,
                integration_seconds=integration_seconds,
            )
            port = await gateway.start()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                yield RawClient(reader, writer), accesses
            finally:
                writer.close()
                await gateway.stop()

    return serving


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's user can access; pytest's own is private if tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-home-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
