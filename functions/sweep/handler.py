"""Deletes the responses kept under idempotency keys after their 24 hours. Run by a schedule, never by the API.

It waits for a database that is paused, and closes its connection at the end: an Aurora pauses only without connections.
"""

from typing import Any

from sluice import runtime

BATCH = 5_000  # rows in one transaction: short, whatever has piled up
MOST_BATCHES = 100  # in one run; what is left is the next one's


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Return how many were deleted."""
    swept = 0
    with runtime.current().job() as begin:
        for _ in range(MOST_BATCHES):
            with begin() as work:
                batch = work.answers.sweep(BATCH)
                work.commit()
            swept += batch
            if batch < BATCH:
                break
    return {"swept": swept}
