"""Run `python -m local` as a process with its own state folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testing.canaries import SECRET

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0  # a first start on a busy machine compiles every module


def descendant_pids(pid: int) -> list[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        waiting += [child for child, of in parents.items() if of == parent]
        found.append(parent)
    return found[1:]


class LocalSystem:
    """A process of `python -m local` with its own state folder."""

    def __init__(self, home: Path, root: Path = ROOT, **environ: str) -> None:
        self.home = home
        self._root = root
        self._environ = {
            "PATH": os.environ["PATH"],
            "SLUICE_STATE": str(home / "state"),
            "SLUICE_SEED": "none",
            "PORT": "0",
            **environ,
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> "LocalSystem":
        self.process = self.spawn(*arguments)
        published = self.home / "state" / "local.json"
        published.unlink(missing_ok=True)  # a killed system leaves this file
        deadline = time.monotonic() + START_SECONDS
        while not published.exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "not ready in time"
            time.sleep(0.02)
        return self

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "local", *arguments],
            cwd=self._root,
            env=self._environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(how)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def leaks(self) -> list[str]:
        """Return the lines of the functions' log that contain a key, a password or a canary."""
        state = self.home / "state"
        if not (state / "functions.log").exists():
            return []
        secrets = json.loads((state / "secrets.json").read_text()).values()
        lines = (state / "functions.log").read_text().splitlines()
        return [
            line
            for line in lines
            if SECRET.search(line) or any(secret in line for secret in secrets)
        ]

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def port(self) -> int:
        return int(self.local_json["base_url"].rpartition(":")[2])

    def child_pids(self) -> list[int]:
        return descendant_pids(self.pid)

    @property
    def local_json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.home / "state" / "local.json").read_text())
        return document

    def request(self, path: str, body: object = None, **more: str) -> tuple[int, Any]:
        """GET the path, or POST if there is a body; `more` are headers, in which _ stands for -."""
        headers = {"X-API-Key": "local-admin", "Content-Type": "application/json"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            self.local_json["base_url"] + path, data=data, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def failure_message(self, *arguments: str) -> str:
        """Return the message of a start that must fail."""
        process = self.spawn(*arguments)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1, err
        assert "Traceback" not in err
        return err


@contextmanager
def temporary_system(root: Path = ROOT, **environ: str) -> Iterator[LocalSystem]:
    """Return a system that is not started; stop it afterwards and check its log for secrets.

    It runs the code of the repository at `root`.
    """
    home = Path(tempfile.mkdtemp(prefix="sluice-home-"))
    home.chmod(0o711)  # as root, PostgreSQL runs as another user
    system = LocalSystem(home, root, **environ)
    try:
        yield system
    finally:
        if system.process is not None:
            system.stop()
        leaks = system.leaks()
        shutil.rmtree(home)
    assert leaks == []
