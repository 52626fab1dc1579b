"""The clocks, the sleep and the random numbers of a client. Tests pass their own."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """What a client needs of time. All numbers are seconds.

    monotonic: a clock that is never set back, for deadlines.
    now: the time since 1970, to read a Retry-After that is a date.
    random: a number from 0 to 1, for the jitter of waits.
    """

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random
    sleep: Callable[[float], object] = time.sleep
    sleep_async: Callable[[float], Awaitable[object]] = asyncio.sleep
