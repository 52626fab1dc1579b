"""How does Sluice run a PostgreSQL of its own, on this machine, without Docker and without leaving one behind?

One `PostgresServer` owns one home folder: the data, the password, the log. The server listens on
127.0.0.1 only, is a child of ours that stops when we end, and what a SIGKILL left over is dealt with at
the next start: an orphan of ours is stopped, a stale `postmaster.pid` never kills or blocks anybody.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from local import parent_death
from local.binaries import (
    PostgresError,
    find_bindir,
    major_version,
    reachable,
    runnable_bindir,
    server_user,
)
from local.postmaster import STOP_SECONDS, is_ready, release

SUPERUSER = "postgres"
SERVER_ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
START_SECONDS = 30.0


class PostgresServer:
    """A server on 127.0.0.1. Start it from the main thread; `start` raises `PostgresError`, which says what to do.

    `home` survives restarts, password included. `durable=False` is for tests: faster, and a crash of the
    machine may lose data. Without `port` a free one is taken.
    """

    superuser = SUPERUSER

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        bindir: Path | None = None,
        durable: bool = True,
    ) -> None:
        self.home = home.resolve()
        self.port = port or 0
        self.password = ""
        self._any_port = port is None
        self._wanted_bindir = bindir
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._cluster: tuple[Path, Path] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def url(
        self, user: str = SUPERUSER, database: str = "postgres", *, password: str | None = None
    ) -> str:
        """A libpq URL; the superuser's password unless another is given."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def start(self) -> None:
        """Return when it takes connections. Fails where home or port are taken, or the data is another version's."""
        self.home.mkdir(parents=True, exist_ok=True)
        self._claim_home()
        try:
            place = self._prepare_place()
            bindir = self._wanted_bindir or find_bindir()
            major = major_version(bindir)
            bindir = runnable_bindir(bindir, place)
            data = place / "data"
            if not data.exists():
                self._initialise(bindir, data, major)
            self._check_data(data, major)
            self._cluster = (bindir, data)
            self._run(bindir, data)
        except BaseException:
            self.stop()
            raise

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def restart(self) -> None:
        """Start again, on the same port, a server that was killed while it was ours; fails as `start` does."""
        if self._cluster is None:
            raise PostgresError("the server was never started")
        self._any_port = False
        self._run(*self._cluster)

    def stop(self) -> None:
        """End the server, cutting open connections, and free the home. May be called twice."""
        if self._process is not None:
            for insisting in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                self._process.send_signal(insisting)
                try:
                    self._process.wait(STOP_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _claim_home(self) -> None:
        lock = (self.home / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise PostgresError(f"{self.home} is in use by process {owner}") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _prepare_place(self) -> Path:
        """The folder for the data: the home, or one in /var/tmp where the server's user cannot reach it.

        The home then holds a link to it, `elsewhere`, so that a home that was moved finds its data, and
        `make clean-state` what to remove.
        """
        secret = self.home / "password"
        user = server_user()
        place = self.home
        if user is not None and not reachable(self.home / "data"):
            name = f"sluice-{hashlib.sha256(str(self.home).encode()).hexdigest()[:12]}"
            link = self.home / "elsewhere"
            if not link.is_symlink():
                link.symlink_to(Path("/var/tmp") / name)  # noqa: S108 - whose it is, is checked below
            place = link.readlink()
            if not secret.exists():  # the home was cleaned, so its data goes too
                shutil.rmtree(place, ignore_errors=True)
            place.mkdir(mode=0o711, exist_ok=True)
            if place.is_symlink() or place.stat().st_uid != os.geteuid():
                raise PostgresError(f"{place} belongs to somebody else")
        if not secret.exists():
            if (place / "data").exists():
                raise PostgresError(
                    f"{secret} is missing, so nobody can log in: remove {self.home} to start anew"
                )
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(24))
        self.password = secret.read_text()
        return place

    def _initialise(self, bindir: Path, data: Path, major: int) -> None:
        """Make an empty cluster: UTF-8 whose upper and lower case hold beyond ASCII, sorted by code point."""
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if major < 17:
            locale = ["--locale=C.UTF-8"]
        fresh, secret = data.with_name("data.new"), data.with_name("password.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        uid, gid = user = server_user() or (os.geteuid(), os.getegid())
        for path in (fresh, secret):
            os.chown(path, uid, gid)
        initdb: list[str] = [
            str(bindir / "initdb"),
            "-D",
            str(fresh),
            "-U",
            SUPERUSER,
            "-E",
            "UTF8",
            *locale,
        ]
        initdb += ["--auth=scram-sha-256", f"--pwfile={secret}"] + (
            ["--no-sync"] if not self._durable else []
        )
        done = subprocess.run(
            parent_death.command(initdb, user=user if server_user() else None),
            check=False, capture_output=True, text=True, env=SERVER_ENVIRONMENT, cwd=data.parent,
        )  # fmt: skip
        secret.unlink()
        if done.returncode:
            raise PostgresError(_diagnosis(done.stdout + done.stderr, self.port, data))
        fresh.rename(data)  # only a whole cluster gets the name

    def _check_data(self, data: Path, major: int) -> None:
        owner = (server_user() or (os.geteuid(), 0))[0]
        if data.stat().st_uid != owner:
            raise PostgresError(
                f"{data} belongs to another user (uid {data.stat().st_uid}); run as before, or remove it"
            )
        made_by = (data / "PG_VERSION").read_text().strip()
        if made_by != str(major):
            raise PostgresError(
                f"{data} was made by PostgreSQL {made_by} and this is {major}: remove {self.home} to start anew"
            )

    def _run(self, bindir: Path, data: Path) -> None:
        release(data)
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._any_port:
                self.port = free_port()
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    parent_death.command(self._command(bindir, data), sent=signal.SIGINT, user=server_user()),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env=SERVER_ENVIRONMENT, cwd=data.parent,
                    start_new_session=True,  # Ctrl-C is for us; we then stop the server in order
                )  # fmt: skip
            if self._becomes_ready(self._process, data, deadline):
                return
            told = self.log.read_text(errors="replace")
            # The backends of a killed server need a moment to notice; a port that was free may be gone.
            transient = "is still in use" in told or (
                self._any_port and "Address already in use" in told
            )
            if not transient or time.monotonic() > deadline:
                raise PostgresError(_diagnosis(told, self.port, data))
            time.sleep(0.1)

    def _command(self, bindir: Path, data: Path) -> list[str]:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_preload_libraries": "pg_stat_statements",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m %u@%d ",
            "log_checkpoints": "off",
        }
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        chosen = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(bindir / "postgres"), "-D", str(data), *chosen]

    def _becomes_ready(self, process: subprocess.Popen[bytes], data: Path, deadline: float) -> bool:
        """Wait until it takes connections. False: it ended instead."""
        while process.poll() is None:
            if is_ready(data, process.pid):
                return True
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"PostgreSQL is not ready after {START_SECONDS:.0f} s; see {self.log}"
                )
            time.sleep(0.01)
        return False


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _diagnosis(told: str, port: int, data: Path) -> str:
    if "No space left on device" in told:
        return f"the disk is full: PostgreSQL cannot write to {data}"
    if "Address already in use" in told:
        return f"port {port} on 127.0.0.1 is taken"
    return "PostgreSQL did not start:\n" + "\n".join(told.strip().splitlines()[-12:])
