"""The package of a new application: its name, and the text of its application.py."""

import importlib.util
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from catalog.errors import AdoptError
from catalog.expression import source
from sluice.application import ENGINE_FUNCTIONS

NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
FILE = '''\
"""The application {name}. Adopted on {date}; yours to change.

Each resource has a file in this folder. `make derive APP={name}` derives everything else.
"""

from sluice.application import Application

APPLICATION = Application(
    format=1,
    name="{name}",
    functions_folder="functions/{name}",{search_path}
)
'''


def text(name: str, date: str, search_path: Sequence[str]) -> str:
    """Return the source of application.py."""
    line = f"\n    search_path={source(tuple(search_path))}," if search_path else ""
    return FILE.format(name=name, date=date, search_path=line)


def identifier(name: str) -> str:
    """Return a name of a schema or a database as that of a package."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return re.sub(r"^(?=\d)", "app_", "_".join(words)) or "app"


def require_free(name: str, layer: Path) -> None:
    """Raise AdoptError unless `name` can be a new package in `layer`.

    Its functions are in functions/<name>, so it is no name of a function, either.
    """
    if not NAME.fullmatch(name):
        raise AdoptError(f"APP={name} must have the form of `web_shop`: a-z, 0-9 and _")
    root = layer.parents[1]
    is_module = name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None
    if (layer / name).is_dir():
        is_module = False  # a folder without a module, which is no package yet
    is_function = name in ENGINE_FUNCTIONS or (root / "functions" / name / "handler.py").exists()
    if is_module or is_function:
        what = "a Python module" if is_module else "a function"
        raise AdoptError(f"{name} is the name of {what}: choose another with APP=…")
