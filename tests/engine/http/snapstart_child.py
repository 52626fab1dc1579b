"""Simulate SnapStart: warm up an execution environment, snapshot it, and restore it twice by fork.

Run as a program with the environment variables of a function, and two API keys. The first key is
valid; the second one is revoked after the snapshot. The runtime client (awslambdaric) runs the
hooks. Prints JSON: the state at the snapshot, and what each restored environment did.
"""

import json
import os
import random
import secrets
import sys
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from awslambdaric.lambda_runtime_hooks_runner import run_after_restore, run_before_snapshot

from sluice import runtime
from sluice.query import Query
from tests.fixtures.client import HANDLERS, http_event, lambda_context

LEASED_REQUESTS = 3
REQUESTS_AFTER_RESTORE = 12


def sockets() -> list[str]:
    """Return the open sockets of this process."""
    return [str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.is_socket()]


def get(key: str) -> tuple[int, str]:
    """Send a request with this API key. Return its status and request id."""
    event = http_event("GET", "/api/books?limit=1", None, None, {"X-API-Key": key})
    response = HANDLERS["books"](event, lambda_context())
    return response["statusCode"], response["headers"]["X-Request-Id"]


def leased_requests() -> int:
    return sum(window.leased for window in runtime.current().admission.limiter._clients.values())


def snapshot(key: str, revoked: str) -> dict[str, Any]:
    """Warm up, run the hooks before the snapshot, and return what the environment holds."""
    statuses = [get(revoked)[0]]
    while leased_requests() < LEASED_REQUESTS:
        statuses.append(get(key)[0])
    warm = runtime.current()
    state = {
        "statuses": statuses,
        "leased": leased_requests(),
        "sockets_while_warm": len(sockets()),
    }
    run_before_snapshot()
    return state | {"sockets": sockets(), "signed_as": warm.settings.aws.access_key_id}


def restore(name: str, random_state: Any, key: str, revoked: str) -> dict[str, Any]:
    """Run the hooks after a restore and send requests. Return what happened.

    Python reseeds `random` in a fork; `random_state` undoes that, because a snapshot restores it.
    """
    random.setstate(random_state)
    os.environ["AWS_ACCESS_KEY_ID"] = f"AKID{name}"
    run_after_restore()
    random_values = [random.random(), str(uuid.uuid4()), secrets.token_hex(8)]
    rejected = get(revoked)[0]
    responses = [get(key) for _ in range(REQUESTS_AFTER_RESTORE)]
    return {
        "random_values": random_values,
        "rejected": rejected,
        "statuses": [status for status, _ in responses],
        "request_ids": [id for _, id in responses],
        "sockets": sockets(),
        "signed_as": runtime.current().settings.aws.access_key_id,
        "backend": runtime.current().database.read(Query("SELECT pg_backend_pid() AS pid"))[0].pid,
    }


def run_in_fork(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Fork, run `act` in the child, and return its result."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, "w") as out:
            json.dump(act(), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as output:
        result: dict[str, Any] = json.loads(output.read())
    os.waitpid(child, 0)
    return result


def main(key: str, revoked: str) -> None:
    at_snapshot = snapshot(key, revoked)
    sys.stdout.write("snapshot\n")
    sys.stdout.flush()
    sys.stdin.readline()  # waits until the test has revoked a key
    environments = [
        run_in_fork(partial(restore, name, random.getstate(), key, revoked))
        for name in ("ONE", "TWO")
    ]
    sys.stdout.write(json.dumps({"snapshot": at_snapshot, "restored": environments}))


if __name__ == "__main__":
    main(*sys.argv[1:])
