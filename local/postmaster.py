"""Read `postmaster.pid` of a data folder, and stop an orphaned server."""

import os
import signal
import subprocess
import time
from pathlib import Path

from local.binaries import PostgresError

STOP_SECONDS = 10.0
UNUSED_PID = 2**31 - 1  # no system assigns this pid


def is_ready(data: Path, pid: int) -> bool:
    """Return whether the server with this pid accepts connections.

    Like pg_ctl, check the pid in the first line of the file, and `ready` in its eighth line.
    """
    lines = _lines(data)
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def free_data_directory(data: Path) -> None:
    """Stop an orphaned server on `data`, or make a stale pid file harmless.

    Call it only while this process holds the lock of the home. Then a server that runs there is an
    orphan: its owner was killed.
    Raise PostgresError if it does not stop.
    """
    lines = _lines(data)
    if not lines or not lines[0].isdigit():
        return
    pid = int(lines[0])
    if not _serves(pid, data):
        # Another program may have this pid now, and PostgreSQL would mistake it for a server. The
        # other lines stay: PostgreSQL uses them to find backends that outlived their server.
        lines[0] = str(UNUSED_PID)
        (data / "postmaster.pid").write_text("\n".join(lines) + "\n")
        return
    for signum in (signal.SIGINT, signal.SIGQUIT):
        os.kill(pid, signum)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if not _serves(pid, data):
                return
            time.sleep(0.02)
    raise PostgresError(f"a PostgreSQL left over from an earlier run (process {pid}) does not stop")


def _lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _serves(pid: int, data: Path) -> bool:
    """Return whether the command line of process `pid` is a PostgreSQL server on `data`."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return False
        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        words = subprocess.run(command, check=False, capture_output=True, text=True).stdout.split()
    return bool(words) and Path(words[0]).name == "postgres" and str(data) in words
