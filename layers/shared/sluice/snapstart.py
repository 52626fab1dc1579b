"""Hooks for Lambda SnapStart: release state before a snapshot, restore it afterwards.

Lambda initialises a version of a function once, stores a snapshot of its memory, and starts every
execution environment from the snapshot, even weeks later. A snapshot must not contain sockets,
counters, keys or cached responses, so the modules that hold them register hooks here. Without
SnapStart nothing is registered or imported. See docs/decisions/0014-snapstart.md.

Importing this module registers a hook that seeds `random`.
"""

from collections.abc import Callable

from sluice.settings import initialization_type

SNAPSTART = "snap-start"  # before the snapshot, and in each restored environment


def before_snapshot(hook: Callable[[], object]) -> None:
    """Run `hook` before the snapshot is taken. Hooks run in reverse order of registration."""
    if initialization_type() == SNAPSTART:
        from snapshot_restore_py import register_before_snapshot  # part of Lambda's runtime

        register_before_snapshot(hook)


def after_restore(hook: Callable[[], object]) -> None:
    """Run `hook` in each restored execution environment, before its first request."""
    if initialization_type() == SNAPSTART:
        from snapshot_restore_py import register_after_restore

        register_after_restore(hook)


def _seed() -> None:
    """Seed `random`, the only generator with state in this process.

    uuid, secrets and os.urandom ask the kernel, and Lambda reseeds that.
    """
    import random  # late, because most functions do not use it

    random.seed()


after_restore(_seed)
