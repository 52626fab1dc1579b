"""Who holds a PostgreSQL data folder? Reads `postmaster.pid`, and frees the folder of what a killed owner left."""

import os
import signal
import subprocess
import time
from pathlib import Path

from local.binaries import PostgresError

STOP_SECONDS = 10.0
NOBODY = 2**31 - 1  # a pid that no system gives out


def is_ready(data: Path, pid: int) -> bool:
    """What pg_ctl looks at: the file is of this very server, and its eighth line says `ready`."""
    lines = _lines(data)
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def release(data: Path) -> None:
    """Stop an orphaned server on `data`, or defuse a stale pid file; raises PostgresError if it does not stop.

    Call it as the one who owns the folder: a server found running there has nobody else to look after it.
    """
    lines = _lines(data)
    if not lines or not lines[0].isdigit():
        return
    pid = int(lines[0])
    if not _serves(pid, data):
        # Another program may have the pid by now, and PostgreSQL would take it for a server. The other
        # lines stay: by them it finds backends that outlived their server.
        lines[0] = str(NOBODY)
        (data / "postmaster.pid").write_text("\n".join(lines) + "\n")
        return
    for insisting in (signal.SIGINT, signal.SIGQUIT):
        os.kill(pid, insisting)
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
    """Whether `pid` is a PostgreSQL started on `data`, judged by its command line."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return False
        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        words = subprocess.run(command, check=False, capture_output=True, text=True).stdout.split()
    return bool(words) and Path(words[0]).name == "postgres" and str(data) in words
