"""A sliding-window counter, as arithmetic: how many requests may have been made by now, and when one more may be?

Requests are counted in windows aligned with the clock. What the window before holds counts too, less and less as this
one goes on, so that its edge cannot double the quota: at the fraction f of this window, with p requests in the one
before, at most quota - p(1 - f) may have been made in this. (Cloudflare, "How we built rate limiting capable of
scaling to millions of domains", 2017.) Times are whole milliseconds since the epoch: nothing here rounds in favour.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` requests in each window of so many seconds."""

    quota: int
    seconds: int
    name: str = "default"

    @property
    def length(self) -> int:
        return self.seconds * 1000


def index(policy: Policy, now: int) -> int:
    """Which window it is; they are numbered from the epoch."""
    return now // policy.length


def time_left(policy: Policy, now: int) -> int:
    """How long this window goes on."""
    return policy.length - now % policy.length


def max_count(policy: Policy, previous: int, now: int) -> int:
    """How many requests may have been made in this window by now, after `previous` ones in the window before."""
    carried = -(-previous * time_left(policy, now) // policy.length)  # rounded up
    return max(0, policy.quota - carried)


def retry_at(policy: Policy, previous: int, count: int, now: int) -> int:
    """The first moment when more than `count` may have been made, if nobody makes one until then.

    Counts only grow and a window's own never falls in it, so before this moment a refusal is right whatever others do.
    """
    if count < policy.quota:
        if previous == 0:
            return now
        most_rest = (policy.quota - count - 1) * policy.length // previous
        return max(now, now + time_left(policy, now) - most_rest)
    following = now + time_left(policy, now)  # where this window's count is the one before
    most_rest = min(policy.length, (policy.quota - 1) * policy.length // count)
    return following + policy.length - most_rest
