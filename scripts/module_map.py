"""Write docs/modules.md: each module of the product with the first sentence of its docstring."""

import ast
import re
from pathlib import Path

from scripts.derive.scan import Found

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "modules.md"
HEAD = """# Modules

Each module with the first sentence of its docstring. `make derive` writes this page.
"""


def files(found: Found) -> dict[Path, str]:
    """Return the page. It is the same for every application."""
    return {PAGE: page()}


def folders() -> list[str]:
    """Return the folders of the product: the engine, the applications beside it, and the rest."""
    found = {path.parent.name for path in (ROOT / "layers" / "shared").glob("*/application.py")}
    packages = ["sluice", *sorted(found - {"sluice"})]
    return [
        *(f"layers/shared/{name}" for name in packages),
        "functions",
        "catalog",
        "local",
        "scripts",
    ]


def page() -> str:
    sections = [HEAD]
    for folder in folders():
        for part, modules in _parts(ROOT / folder).items():
            rows = [f"| `{module.name}` | {_summary(module)} |" for module in modules]
            title = part.relative_to(ROOT).as_posix()
            sections.append(
                f"## {title}/\n\n| module | |\n| --- | --- |\n" + "\n".join(rows) + "\n"
            )
    return "\n".join(sections)


def _parts(folder: Path) -> dict[Path, list[Path]]:
    """Return the modules of each folder, outer folders first, without empty files."""
    parts: dict[Path, list[Path]] = {}
    modules = sorted(folder.rglob("*.py"), key=lambda path: (path.parent, path.name))
    for module in modules:
        if module.read_text().strip():
            parts.setdefault(module.parent, []).append(module)
    return parts


def _summary(module: Path) -> str:
    """Return the first sentence of the docstring, escaped for a cell of a table."""
    text = " ".join(
        (ast.get_docstring(ast.parse(module.read_text())) or "").split("\n\n")[0].split()
    )
    return re.split(r"(?<=[.?])\s", text, maxsplit=1)[0].replace("|", "\\|")
