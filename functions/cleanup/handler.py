"""Deletes what is old, and fails imports that ended without a word. Run by a schedule, never by the API.

The responses kept under idempotency keys are deleted after their 24 hours. It waits for a database that is paused, and
closes its connection at the end: an Aurora pauses only without connections.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from sluice import runtime

BATCH = 5_000  # rows in one transaction: short, whatever has piled up
MAX_BATCHES = 100  # in one run; what is left is the next one's


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Return how many responses were deleted, and how many imports were expired, failed or forgotten."""
    current = runtime.current()
    with current.batch() as begin:
        deleted = _delete_expired_keys(begin)
        with begin() as work:
            tidied = current.import_maintenance.clean_up(work.imports)
            work.commit()
    failed = current.import_maintenance.fail_stalled(
        tidied.stalled
    )  # by a connection of its own, now that this one is closed
    return {
        "deleted": deleted,
        "expired": tidied.expired,
        "failed": failed,
        "forgotten": tidied.forgotten,
    }


def _delete_expired_keys(begin: Callable[[], AbstractContextManager[Any]]) -> int:
    deleted = 0
    for _ in range(MAX_BATCHES):
        with begin() as work:
            batch = work.idempotency.delete_expired(BATCH)
            work.commit()
        deleted += batch
        if batch < BATCH:
            break
    return deleted
