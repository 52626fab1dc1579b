"""Retry transactions that PostgreSQL rolled back because of another one.

The delays have full jitter, so that two transactions that collided do not collide again. Each delay
is a random part of a maximum that doubles. See Marc Brooker, "Exponential Backoff And Jitter"
(AWS Architecture Blog, 2015).
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sluice.errors import RolledBack

T = TypeVar("T")

MAX_ATTEMPTS = 4
FIRST_DELAY = 0.02  # seconds, at most


def retry_transaction(fn: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Return the result of `fn`, which runs a whole transaction.

    It is called again after RolledBack, MAX_ATTEMPTS times in all, so it must not do anything that
    a rollback does not undo. Any other error is passed on at once.
    """
    for attempt in range(MAX_ATTEMPTS - 1):
        try:
            return fn()
        except RolledBack:
            sleep(random.uniform(0, FIRST_DELAY * 2**attempt))  # noqa: S311 - not a secret
    return fn()
