"""Lock the state folder `.sluice/`, and store generated secrets and the parts' addresses in it."""

import fcntl
import json
import os
import secrets
import string
from pathlib import Path
from typing import IO, Any

LETTERS = string.ascii_letters + string.digits
DEFAULT_HOME = Path(__file__).parents[1] / ".sluice"


class AlreadyRunning(Exception):
    """Another process holds the lock of the state folder."""


class StateUnusable(Exception):
    """The state folder cannot be written. The message names the folder and the remedy."""


def home_of_system() -> Path:
    """Return the state folder of the local system: SLUICE_STATE, or .sluice in the repository."""
    return Path(os.environ.get("SLUICE_STATE") or DEFAULT_HOME)  # noqa: TID251 - a command's


class StateFolder:
    """The state folder, for one running system at a time.

    The published files hold passwords, so only their owner can read them.
    """

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self._lock: IO[str] | None = None

    def claim(self) -> None:
        """Lock the folder until `release` or the end of the process.

        Raise AlreadyRunning, or StateUnusable if the folder cannot be written.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            lock = (self.home / "lock").open("a+")
        except OSError as error:
            raise StateUnusable(
                f"{self.home} cannot be written ({error.strerror}); "
                "name another folder: SLUICE_STATE=/path make run"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            pid = lock.read().strip()
            lock.close()
            url = (self.read("local.json") or {}).get("base_url", "(still starting)")
            raise AlreadyRunning(
                f"Sluice is already running: {url} (process {pid or 'unknown'})"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def secret(self, name: str, *, length: int = 64) -> str:
        """Return the secret `name`: random letters and digits, the same at every start."""
        stored = self.read("secrets.json") or {}
        if name not in stored:
            stored[name] = "".join(secrets.choice(LETTERS) for _ in range(length))
            self.publish("secrets.json", stored)
        return str(stored[name])

    def publish(self, name: str, document: dict[str, Any]) -> None:
        """Write a JSON file atomically."""
        fresh = self.home / f"{name}.new"
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(document, indent=2) + "\n")
        fresh.replace(self.home / name)

    def withdraw(self, name: str) -> None:
        (self.home / name).unlink(missing_ok=True)

    def read(self, name: str) -> dict[str, Any] | None:
        """Return a published file, or None if it does not exist."""
        try:
            document: dict[str, Any] = json.loads((self.home / name).read_text())
        except FileNotFoundError:
            return None
        return document
