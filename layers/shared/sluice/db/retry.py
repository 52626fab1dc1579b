"""When may a unit of work be sent again? When its transaction lost against another, and is certainly undone.

Full jitter: each wait is drawn from the whole of a range that doubles, so that those who met do not meet again.
See Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sluice.errors import RolledBack

T = TypeVar("T")

ATTEMPTS = 4
FIRST_WAIT = 0.02  # seconds, at most


def retry_transaction(unit: Callable[[], T], *, pause: Callable[[float], None] = time.sleep) -> T:
    """What `unit`, the whole of a transaction, returns. It is run again after RolledBack, up to ATTEMPTS in all.

    So it must do nothing that its transaction does not undo. Every other error is the first attempt's.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return unit()
        except RolledBack:
            pause(random.uniform(0, FIRST_WAIT * 2**attempt))  # noqa: S311  nobody gains by guessing it
    return unit()
