"""The arithmetic of a sliding-window counter. Nothing here keeps state.

Requests are counted in windows that are aligned with the clock. Requests of the previous window
count as well, with a weight that falls from 1 to 0 during the current window. This prevents a
client from using its quota twice around the edge of a window.

Let p be the requests in the previous window, and f the elapsed fraction of the current one. Then at
most quota - p(1 - f) requests are allowed in the current window. (Cloudflare, "How we built rate
limiting capable of scaling to millions of domains", 2017.)

All times are whole milliseconds since the epoch. Rounding never allows an extra request.
"""

from typing import NamedTuple


class Policy(NamedTuple):
    """Allows at most `quota` requests in each window of `seconds` seconds."""

    quota: int
    seconds: int
    name: str = "default"

    @property
    def length_ms(self) -> int:
        """The length of a window in milliseconds."""
        return self.seconds * 1000


def index(policy: Policy, now: int) -> int:
    """Return the number of the current window, counted from the epoch."""
    return now // policy.length_ms


def time_left(policy: Policy, now: int) -> int:
    """Return the milliseconds until the current window ends."""
    return policy.length_ms - now % policy.length_ms


def max_count(policy: Policy, previous: int, now: int) -> int:
    """Return how many requests are allowed from the start of the current window until `now`.

    `previous` is the number of requests in the previous window.
    """
    carried = -(-previous * time_left(policy, now) // policy.length_ms)  # rounded up
    return max(0, policy.quota - carried)


def retry_at(policy: Policy, previous: int, count: int, now: int) -> int:
    """Return the first time when `max_count` exceeds `count`, if no request is counted until then.

    Counts never fall within a window, so a rejection stays correct until this time, whatever
    other execution environments count.
    """
    window_end = now + time_left(policy, now)
    if count < policy.quota:
        if previous == 0:
            return now
        max_time_left = (policy.quota - count - 1) * policy.length_ms // previous
        return max(now, window_end - max_time_left)
    # The quota is used up. In the next window, `count` is the number of the previous window.
    max_time_left = min(policy.length_ms, (policy.quota - 1) * policy.length_ms // count)
    return window_end + policy.length_ms - max_time_left
