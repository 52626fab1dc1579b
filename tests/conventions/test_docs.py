"""Documents that cannot go stale: README's map against the tree, docs/errors.md against the error tree."""

import re
import subprocess
from pathlib import Path

from sluice import errors

ROOT = Path(__file__).parents[2]


def error_codes(root: type[errors.SluiceError] = errors.SluiceError) -> dict[str, int]:
    """code → status of every error a client can meet: abstract ones are never raised as they are."""
    found = {} if root in (errors.SluiceError, errors.Unavailable) else {root.code: root.status}
    for child in root.__subclasses__():
        found |= error_codes(child)
    return found


def test_every_error_code_is_documented_with_its_status() -> None:
    table = dict(
        re.findall(
            r"^\| `(\w+)` \| (\d+) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE
        )
    )

    assert table == {code: str(status) for code, status in error_codes().items()}


def test_the_map_in_the_readme_is_the_tree() -> None:
    """Every path on the map exists, and every module of the layer, and every top-level entry, is on it."""
    text = (ROOT / "README.md").read_text()
    drawn = text.split("<!-- map -->")[1].split("<!-- /map -->")[0]
    named = set(re.findall(r"[\w./-]+", drawn))
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    top = {path.split("/")[0] for path in tracked if not path.startswith(".")}
    missing = top - {name.split("/")[0] for name in named}
    modules = {
        Path(path).name
        for path in tracked
        if path.startswith("layers/shared/sluice/") and path.endswith(".py")
    }

    assert missing == set()
    assert {module for module in modules if module not in named} == set()
    files = {name for name in named if name.endswith((".py", ".yaml", ".toml", ".md"))}
    assert {name for name in files if not any(path.endswith(name) for path in tracked)} == set()
