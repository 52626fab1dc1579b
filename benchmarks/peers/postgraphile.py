"""PostGraphile 5, which answers a query by one SQL statement: a server of its own, asked over HTTP.

It is npm's, and needs Node 22, which npm has too (package `node`). It is installed once, into `POSTGRAPHILE`, the
folder that benchmarks/graphql.py names; its server runs as long as the process that imports this.
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
PATIENCE = 60.0  # seconds

folder = Path(os.environ["POSTGRAPHILE"])  # noqa: TID251 - a peer's own


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(port: int) -> subprocess.Popen[bytes]:
    """Its server, as its command line starts it; ours is the environment."""
    command = [
        str(folder / "node_modules/.bin/node"), str(folder / "node_modules/postgraphile/dist/cli-run.js"),
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


def _ask(query: str) -> tuple[int, str]:
    body = json.dumps({"query": query})
    for attempt in (1, 2):  # it hangs up after five idle seconds
        try:
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionError:
            connection.close()
            if attempt == 2:
                raise
    raise AssertionError


def _wait() -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError):
            if _ask("{ __typename }")[0] == 200:
                return
        connection.close()
        time.sleep(0.2)
    raise SystemExit(
        f"PostGraphile does not answer: {(folder / 'postgraphile.log').read_text()[-2000:]}"
    )


_wait()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Its own query, whose answer is the same products; the bare one where nothing but its typename is asked for."""
    asked = json.loads(event["body"])["query"]
    status, body = _ask(asked if "__typename" in asked else QUERY)
    return {"statusCode": status, "body": body}
