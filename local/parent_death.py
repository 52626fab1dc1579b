"""How does a child process die with its parent, even where the parent is killed with SIGKILL?

On Linux the kernel sends the child a signal of our choice when the thread that started it ends
(PR_SET_PDEATHSIG). Start children from the main thread, therefore. Elsewhere this does nothing, and each
child has a second way out: the sandboxes lose their Runtime API, moto its standard input, and an orphaned
PostgreSQL is stopped by the next start.

Run as a program it puts on the leash, gives up root where told to, and becomes another program:

    python -I -S parent_death.py PARENT_PID SIGNAL UID:GID|- COMMAND [ARGUMENT ...]

A program of its own rather than `preexec_fn`, which may deadlock in a parent that has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with(parent: int, sent: int = signal.SIGKILL) -> None:
    """Call first thing in the child: end it by signal `sent` when `parent` ends, or has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sent)
    if os.getppid() != parent:  # it died before the kernel knew of the leash
        os.kill(os.getpid(), signal.SIGKILL)


def command(
    argv: list[str], *, sent: int = signal.SIGKILL, user: tuple[int, int] | None = None
) -> list[str]:
    """The command line that runs `argv` on a leash held by this process, as `user` (uid, gid) where given."""
    owner = f"{user[0]}:{user[1]}" if user else "-"
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(sent)), owner, *argv]


def main() -> None:
    parent, sent, owner, *argv = sys.argv[1:]
    if owner != "-":
        uid, gid = map(int, owner.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)  # before the leash: a change of user would slip it
    die_with(int(parent), int(sent))
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
