"""What may not be in a snapshot of this environment (Lambda SnapStart), for it would then be in many environments.

Lambda initialises a version of a function once, keeps a picture of its memory, and starts each environment from that,
weeks later too. Whoever holds sockets, counts, keys or answers registers how to drop them. Nothing is registered, and
nothing imported, where Lambda takes no snapshots. See docs/decisions/0014-snapstart.md.
"""

import random
from collections.abc import Callable

from sluice.settings import uses_snapstart


def before_snapshot(drop: Callable[[], object]) -> None:
    """Have `drop` run before a snapshot is taken. Those that were registered last are run first."""
    if uses_snapstart():
        from snapshot_restore_py import register_before_snapshot  # of Lambda's own runtime

        register_before_snapshot(drop)


def after_restore(renew: Callable[[], object]) -> None:
    """Have `renew` run in each environment that was restored, before its first request."""
    if uses_snapstart():
        from snapshot_restore_py import register_after_restore

        register_after_restore(renew)


# Of all that is drawn at random only `random` remembers: uuid, secrets and os.urandom ask the kernel, which is new.
after_restore(random.seed)
