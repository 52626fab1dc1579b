"""Change the default application: the one whose artefacts are at the top of the repository.

Events that are written by hand move with their application. `make derive` then writes the rest.
"""

import re
import shutil

from scripts.derive.scan import LAYER, ROOT
from sluice import application
from sluice.application import ApplicationError

SETTINGS = ROOT / "pyproject.toml"
SETTING = re.compile(r'(?P<name>^\[tool\.sluice\]\napp = )"\w+"', re.MULTILINE)
# What a folder in deploy/ has beside events.
DERIVED = ("template.yaml", "openapi.json", "api.md", "docs")


def switch(name: str) -> None:
    """Make an application the default one. Raise ApplicationError if it cannot be deployed."""
    application.declared(name)
    if not (LAYER / name).is_dir():
        raise ApplicationError(f"{name} is not in layers/shared, so no deployment can have it")
    previous = application.default_of_checkout()
    if name == previous:
        return
    old, new = ROOT / "deploy" / previous, ROOT / "deploy" / name
    if (ROOT / "events").is_dir():
        old.mkdir(parents=True, exist_ok=True)
        shutil.move(ROOT / "events", old / "events")
    if (new / "events").is_dir():
        shutil.move(new / "events", ROOT / "events")
    for path in (new / derived for derived in DERIVED):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for folder in (new, new.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    SETTINGS.write_text(SETTING.sub(rf'\g<name>"{name}"', SETTINGS.read_text()))
