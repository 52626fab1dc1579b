"""PostGraphile 5, which runs one SQL statement per query: a separate server, queried over HTTP.

It comes from npm and needs Node 22 (npm's package `node`). benchmarks/graphql.py installs it into
the folder `POSTGRAPHILE`. Importing this module starts the server, which stops with the process.
"""

import atexit
import json
import os
import socket
import subprocess
import time
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

QUERY = """{ allProducts(first: 100) { edges { node {
    name price inventoryByProductId { quantity } categoryByCategoryId { name }
} } } }"""
START_TIMEOUT = 60.0  # seconds

folder = Path(os.environ["POSTGRAPHILE"])  # noqa: TID251 - a peer's own


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(port: int) -> subprocess.Popen[bytes]:
    """Start the server by its command line, with minimal environment variables."""
    command = [
        str(folder / "node_modules/.bin/node"),
        str(folder / "node_modules/postgraphile/dist/cli-run.js"),
        "--preset", "postgraphile/presets/amber", "--connection", os.environ["DATABASE_URL"],  # noqa: TID251
        "--schema", "public", "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    log = (folder / "postgraphile.log").open("wb")
    environment = {
        "PATH": os.environ["PATH"],  # noqa: TID251
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


port = _free_port()
server = _serve(port)
atexit.register(server.kill)
connection = HTTPConnection("127.0.0.1", port, timeout=30)


def _ask(query: str, variables: object = None) -> tuple[int, str]:
    body = json.dumps({"query": query, "variables": variables})
    for attempt in (1, 2):  # the server closes a connection after five idle seconds
        try:
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        except ConnectionError:
            connection.close()
            if attempt == 2:
                raise
    raise AssertionError


def _wait() -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError):
            if _ask("{ __typename }")[0] == 200:
                return
        connection.close()
        time.sleep(0.2)
    raise SystemExit(
        f"PostGraphile did not start: {(folder / 'postgraphile.log').read_text()[-2000:]}"
    )


_wait()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send the event's query, or PostGraphile's own for Sluice's query of products."""
    sent = json.loads(event["body"])
    query = QUERY if sent["query"].startswith("{ products(") else sent["query"]
    status, body = _ask(query, sent.get("variables"))
    return {"statusCode": status, "body": body}
