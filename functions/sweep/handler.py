"""Forgets the answers kept under idempotency keys after their 24 hours. Run by a schedule, never by the API."""

from typing import Any

from sluice import runtime

BATCH = 5_000  # rows in one transaction: short, whatever has piled up
MOST_BATCHES = 100  # in one run; what is left is the next one's


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Answers how many were forgotten."""
    answers, swept = runtime.current().answers, 0
    for _ in range(MOST_BATCHES):
        batch = answers.sweep(BATCH)
        swept += batch
        if batch < BATCH:
            break
    return {"swept": swept}
