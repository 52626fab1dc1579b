"""Write a resource as plain SQL and handlers: two files beside its declaration, which are yours.

    python -m scripts.eject deals      # make eject NAME=deals

No file is overwritten, and the declaration stays as it is. The lines to change in it are printed.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from scripts import broken_pipe
from scripts.derive.scan import Found, scan
from scripts.eject import routes_text, sql_text
from scripts.eject.parts import Ejected
from sluice import application
from sluice.application import ApplicationError
from sluice.kinds.field import DeclarationError

ROOT = Path(__file__).parents[2]
BASE = "ResourceRepository"
DERIVED = (
    "the page of a list: its order, its cursors and its total",
    "rows shown by ?expand=, lists and links below a row, functions of the database",
    "GraphQL's lists and connections; its mutations call the methods of the repository",
    "imports",
)

OF_TENANT = "new and changed rows: their statements set the tenant and check references"


class EjectError(Exception):
    """A resource cannot be ejected. The message says why, and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Eject the resource; return the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("name", help="the collection, such as deals")
    options = parser.parse_args(arguments)
    try:
        _eject(scan(application.current_name()), options.name)
    except (ApplicationError, DeclarationError, EjectError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _eject(found: Found, name: str) -> None:
    ejected = _ejected(found, name)
    folder = found.folder
    sql_file = (folder / f"{name}_sql").with_suffix(".py")
    routes_file = folder / "routes" / f"{name}.py"
    if sql_file.exists():
        raise EjectError(
            f"{_shown(sql_file)} exists, and is not overwritten: {name} is ejected already"
        )
    files = {sql_file: sql_text.text(ejected)}
    if not routes_file.exists():
        files[routes_file] = routes_text.text(ejected)
    derived = _write(files)
    for path in files:
        print(f"{_shown(path)}: {len(path.read_text().splitlines())} lines, yours to change")
    if routes_file not in files:
        print(f"{_shown(routes_file)} exists already, and stays as it is")
    print(*derived, sep="\n")
    print(_remaining(ejected, sql_file), end="")


def _ejected(found: Found, name: str) -> Ejected:
    resource = found.named(name)
    if resource is None:
        names = ", ".join(each.resource.name for each in found.resources)
        raise EjectError(f"there is no resource {name!r} in {found.app.name}; there are: {names}")
    if resource.repository is None or not resource.is_served:
        raise EjectError(f"{name} has no routes, so there is nothing to eject")
    return Ejected(resource)


def _write(files: dict[Path, str]) -> list[str]:
    """Write the files, and derive the others. Raise EjectError, and leave nothing that is new."""
    try:
        for path, text in files.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        paths = [str(path) for path in files]
        _run("ruff", "check", "--quiet", "--select", "I", "--fix", *paths)
        _run("ruff", "format", "--quiet", *paths)
        return _run("scripts.derive").splitlines()
    except BaseException:
        for path in files:
            path.unlink(missing_ok=True)
        raise


def _remaining(ejected: Ejected, sql_file: Path) -> str:
    """Return the lines to change in the declaration, and what is still derived."""
    repository, base = ejected.repository.__name__, ejected.class_name
    found, has_tenant = ejected.found, ejected.resource.has_tenant
    package = ejected.module.partition(".")[0]
    is_last = len(re.findall(rf"\({BASE}\)", found.path.read_text())) == 1
    import_of_base = f"from sluice.sql.resource_repository import {BASE}"
    lines = [
        f"Change these lines of {_shown(found.path)}, so that the resource uses this SQL:",
        "",
        f"  - {import_of_base}",
        f"  + from {package}.{sql_file.stem} import {base}",
        *([] if is_last else [f"  + {import_of_base}"]),
        "",
        f"  - class {repository}({BASE}):",
        f"  + class {repository}({base}):",
        "",
        *(f"{found.path.name} sets {name}, which stays" for _, name in ejected.by_hand()),
        "Still derived from the declaration:",
        *(f"  {each}" for each in (*DERIVED, *([OF_TENANT] if has_tenant else []))),
        f"After a new field, add it to {sql_file.name}, too.",
    ]
    return "\n".join(lines) + "\n"


def _run(module: str, *arguments: str) -> str:
    """Run a module, and return what it prints. Raise EjectError with its message."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EjectError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(broken_pipe.run(main))
