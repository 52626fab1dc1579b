"""Remove the local system's state (`make clean-state`), unless the system runs.

It uses only the standard library, so that it needs no virtual environment.
"""

import shutil
import sys
from pathlib import Path

from local.state import (
    DEFAULT_HOME,
    AlreadyRunning,
    StateFolder,
    StateUnusable,
    home_of_system,
)


def remove_state(home: Path) -> str:
    """Remove the state folder `home`; return a message. Raise AlreadyRunning or StateUnusable."""
    if not home.exists():
        return f"nothing to remove: {home} does not exist"
    if home != DEFAULT_HOME and not ((home / "lock").exists() and (home / "secrets.json").exists()):
        raise StateUnusable(f"{home} is not a state folder of Sluice, so it was not removed")
    state = StateFolder(home)
    state.claim()
    try:
        elsewhere = home / "postgres" / "elsewhere"
        if elsewhere.is_symlink():
            shutil.rmtree(elsewhere.readlink(), ignore_errors=True)
        shutil.rmtree(home)
    finally:
        state.release()
    return f"removed {home}"


def main() -> int:
    """Remove the state folder and return the exit code."""
    try:
        print(remove_state(home_of_system()))
    except AlreadyRunning as error:
        print(f"sluice: {error}; stop it first (Ctrl-C)", file=sys.stderr)
        return 1
    except (StateUnusable, OSError) as error:
        print(f"sluice: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
