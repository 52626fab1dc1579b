"""Delete expired rows and fail stalled imports. A schedule invokes this function.

The stored responses of idempotency keys expire after 24 hours. The function waits for a paused
Aurora database, and closes its connection at the end, because Aurora pauses only without
connections.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from sluice import runtime

BATCH_SIZE = 5_000  # rows per transaction, so that each is short
MAX_BATCHES = 100  # per invocation; the next invocation continues


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Return the numbers of deleted responses, and of imports that expired, failed or lost their
    rejected rows. Expired imports were never uploaded.
    """
    current = runtime.current()
    with current.batch() as begin:
        deleted = _delete_expired_keys(begin)
        with begin() as work:
            cleanup = current.import_maintenance.clean_up(work.imports)
            work.commit()
    # This uses another connection, so the first one must be closed.
    failed = current.import_maintenance.fail_stalled(cleanup.stalled)
    return {
        "deleted": deleted,
        "expired": cleanup.expired,
        "failed": failed,
        "rejections_deleted": cleanup.rejections_deleted,
    }


def _delete_expired_keys(begin: Callable[[], AbstractContextManager[Any]]) -> int:
    deleted = 0
    for _ in range(MAX_BATCHES):
        with begin() as work:
            batch = work.idempotency.delete_expired(BATCH_SIZE)
            work.commit()
        deleted += batch
        if batch < BATCH_SIZE:
            break
    return deleted
