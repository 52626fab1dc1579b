"""Run an embedded PostgreSQL server as a child process, without Docker.

A `PostgresServer` owns a home folder with the data, the password and the log. The server listens
on 127.0.0.1 only and ends with this process. After a SIGKILL, the next start stops an orphaned
server, and ignores a stale `postmaster.pid` safely.
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
    is_reachable,
    major_version,
    runnable_bindir,
    server_user,
)
from local.postmaster import STOP_SECONDS, free_data_directory, is_ready

SUPERUSER = "postgres"
SERVER_ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
START_SECONDS = 30.0


class PostgresServer:
    """A PostgreSQL server on 127.0.0.1. Start it from the main thread.

    The data and the password in `home` survive restarts. `port` None: use a free port.
    `durable=False` is for tests: faster, but a crash of the machine may lose data.
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
        """Return a libpq URL, with the superuser's password unless `password` is given."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def start(self) -> None:
        """Start the server and return when it accepts connections.

        Raise PostgresError if the home or the port is in use, or if another major version of
        PostgreSQL created the data.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self._lock_home()
        try:
            folder = self._prepare_folder()
            bindir = self._wanted_bindir or find_bindir()
            major = major_version(bindir)
            bindir = runnable_bindir(bindir, folder)
            data = folder / "data"
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
        """Start a server that has ended again, on the same port. Raise PostgresError."""
        if self._cluster is None:
            raise PostgresError("the server was never started")
        self._any_port = False
        self._run(*self._cluster)

    def stop(self) -> None:
        """Stop the server, close its connections, and unlock the home. May be called twice."""
        if self._process is not None:
            for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                self._process.send_signal(signum)
                try:
                    self._process.wait(STOP_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _lock_home(self) -> None:
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

    def _prepare_folder(self) -> Path:
        """Return the folder for the data, and create the password if it is missing.

        The folder is the home, or one in /var/tmp if the server's user cannot access the home. The
        link `elsewhere` in the home points to it. So the data is found after the home was moved,
        and `make clean-state` can remove it.
        """
        secret = self.home / "password"
        user = server_user()
        folder = self.home
        if user is not None and not is_reachable(self.home / "data"):
            name = f"sluice-{hashlib.sha256(str(self.home).encode()).hexdigest()[:12]}"
            link = self.home / "elsewhere"
            if not link.is_symlink():
                link.symlink_to(Path("/var/tmp") / name)  # noqa: S108 - its owner is checked below
            folder = link.readlink()
            if not secret.exists():  # the home was removed, so its data is obsolete
                shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o711, exist_ok=True)
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                raise PostgresError(f"{folder} belongs to another user; remove {link}")
        if not secret.exists():
            if (folder / "data").exists():
                raise PostgresError(
                    f"{secret} is missing, so nothing can log in: remove {self.home} to start again"
                )
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(24))
        self.password = secret.read_text()
        return folder

    def _initialise(self, bindir: Path, data: Path, major: int) -> None:
        """Create an empty cluster in UTF-8, with Unicode case mapping, sorted by code point."""
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
        initdb = [str(bindir / "initdb"), "-D", str(fresh), "-U", SUPERUSER, "-E", "UTF8", *locale]
        initdb += ["--auth=scram-sha-256", f"--pwfile={secret}"]
        if not self._durable:
            initdb.append("--no-sync")
        done = subprocess.run(
            parent_death.command(initdb, user=user if server_user() else None),
            check=False,
            capture_output=True,
            text=True,
            env=SERVER_ENVIRONMENT,
            cwd=data.parent,
        )
        secret.unlink()
        if done.returncode:
            raise PostgresError(_diagnosis(done.stdout + done.stderr, self.port, data))
        fresh.rename(data)  # only a complete cluster gets this name

    def _check_data(self, data: Path, major: int) -> None:
        owner = (server_user() or (os.geteuid(), 0))[0]
        if data.stat().st_uid != owner:
            raise PostgresError(
                f"{data} belongs to another user (uid {data.stat().st_uid}); "
                "run as that user, or remove it"
            )
        created_by = (data / "PG_VERSION").read_text().strip()
        if created_by != str(major):
            raise PostgresError(
                f"{data} was created by PostgreSQL {created_by}, and this is PostgreSQL {major}: "
                f"remove {self.home} to start again"
            )

    def _run(self, bindir: Path, data: Path) -> None:
        free_data_directory(data)
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._any_port:
                self.port = free_port()
            with self.log.open("wb") as log:
                command = self._command(bindir, data)
                self._process = subprocess.Popen(
                    parent_death.command(command, signum=signal.SIGINT, user=server_user()),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=SERVER_ENVIRONMENT,
                    cwd=data.parent,
                    start_new_session=True,  # Ctrl-C goes to this process, which stops the server
                )
            if self._becomes_ready(self._process, data, deadline):
                return
            output = self.log.read_text(errors="replace")
            # The backends of a killed server end a moment later. A free port may be in use by now.
            transient = "is still in use" in output or (
                self._any_port and "Address already in use" in output
            )
            if not transient or time.monotonic() > deadline:
                raise PostgresError(_diagnosis(output, self.port, data))
            time.sleep(0.1)

    def _command(self, bindir: Path, data: Path) -> list[str]:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_preload_libraries": "pg_stat_statements",
            "pg_stat_statements.max": "20000",  # it forgets others, so tests could not count
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
        """Wait until the server accepts connections. Return False if it has ended instead."""
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
    """Return a loopback port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _diagnosis(output: str, port: int, data: Path) -> str:
    if "No space left on device" in output:
        return f"the disk is full: PostgreSQL cannot write to {data}"
    if "Address already in use" in output:
        return f"port {port} on 127.0.0.1 is in use"
    return "PostgreSQL did not start:\n" + "\n".join(output.strip().splitlines()[-12:])
