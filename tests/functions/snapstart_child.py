"""An environment of which a snapshot is taken while it is warm, and two that are restored from it, as forks.

Run as a program with a function's environment in its own, and `KEY REVOKED`: callers' keys. The runtime client's own
runner runs the hooks. Prints as JSON what `snapshot` held, and what each of the `restored` did.
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

from functions.products.handler import handler
from sluice import runtime
from tests.fixtures.shop import http_event, lambda_context

LEASED, COLD = 3, 12  # requests


def sockets() -> list[str]:
    """Of this process, as the kernel knows them."""
    return [str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.is_socket()]


def get(key: str) -> tuple[int, str]:
    """The status, and the request's id."""
    response = handler(
        http_event("GET", "/api/products?limit=1", None, None, {"X-API-Key": key}), lambda_context()
    )
    return response["statusCode"], response["headers"]["X-Request-Id"]


def leased() -> int:
    return sum(known.leased for known in runtime.current().limiter._clients.values())


def snapshot(key: str, revoked: str) -> dict[str, Any]:
    """Warm up, have the hooks run, and tell."""
    statuses = [get(revoked)[0]]
    while leased() < LEASED:
        statuses.append(get(key)[0])
    warm = runtime.current()
    told = {"statuses": statuses, "leased": leased(), "sockets_while_warm": len(sockets())}
    run_before_snapshot()
    return told | {"sockets": sockets(), "signed_as": warm.settings.aws.access_key_id}


def restored(name: str, seed: Any, key: str, revoked: str) -> dict[str, Any]:
    """What an environment does that goes on from here; Python seeds a fork's `random` anew, which no snapshot has."""
    random.setstate(seed)
    os.environ["AWS_ACCESS_KEY_ID"] = f"AKID{name}"
    run_after_restore()
    drawn = [random.random(), str(uuid.uuid4()), secrets.token_hex(8)]
    refused = get(revoked)[0]
    answers = [get(key) for _ in range(COLD)]
    return {
        "drawn": drawn,
        "refused": refused,
        "statuses": [status for status, _ in answers],
        "request_ids": [id for _, id in answers],
        "sockets": sockets(),
        "signed_as": runtime.current().settings.aws.access_key_id,
        "backend": runtime.current().database.read("SELECT pg_backend_pid() AS pid")[0].pid,
    }


def in_a_fork(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `act` tells, of a child that goes on from this very moment."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, "w") as out:
            json.dump(act(), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        told: dict[str, Any] = json.loads(answers.read())
    os.waitpid(child, 0)
    return told


def main(key: str, revoked: str) -> None:
    held = snapshot(key, revoked)
    sys.stdout.write("snapshot\n")
    sys.stdout.flush()
    sys.stdin.readline()  # time passes
    both = [
        in_a_fork(partial(restored, name, random.getstate(), key, revoked))
        for name in ("ONE", "TWO")
    ]
    sys.stdout.write(json.dumps({"snapshot": held, "restored": both}))


if __name__ == "__main__":
    main(*sys.argv[1:])
