"""Make a child process end when its parent ends, even if the parent is killed with SIGKILL.

On Linux the kernel sends the child a signal when the thread that started it ends
(PR_SET_PDEATHSIG). Therefore start children from the main thread. Other systems have no such
signal. There a sandbox ends when its Runtime API is closed, and moto when its standard input is
closed. The next start stops an orphaned PostgreSQL.

As a program it sets the signal, changes the user if one is given, and executes another program:

    python -I -S parent_death.py PARENT_PID SIGNAL UID:GID|- COMMAND [ARGUMENT ...]

It is a program because `preexec_fn` may deadlock in a parent that has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def set_parent_death_signal(parent: int, signum: int = signal.SIGKILL) -> None:
    """End this process with signal `signum` when `parent` ends, and at once if it has ended.

    Call it first in the child.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:  # it ended before the signal was set
        os.kill(os.getpid(), signal.SIGKILL)


def command(
    argv: list[str], *, signum: int = signal.SIGKILL, user: tuple[int, int] | None = None
) -> list[str]:
    """Return a command line that runs `argv` as a child that ends with this process.

    `user` is the (uid, gid) to run it as; None: the current user.
    """
    owner = f"{user[0]}:{user[1]}" if user else "-"
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(signum)), owner, *argv]


def main() -> None:
    """Set the user and the signal, and run the command of the arguments."""
    parent, signum, owner, *argv = sys.argv[1:]
    if owner != "-":
        uid, gid = map(int, owner.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)  # first, because a change of user clears the signal
    set_parent_death_signal(int(parent), int(signum))
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
