"""The applications of this repository: packages with a module `application`."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

APPLICATIONS = {
    path.parent.name: path.parent
    for folder in (ROOT / "layers" / "shared", ROOT / "tests" / "apps")
    for path in sorted(folder.glob("*/application.py"))
    if path.parent.name != "sluice"
}
