"""Write the files that the declarations of the application determine, or check them.

    python -m scripts.derive                  write them
    python -m scripts.derive --check          print those that are out of date; exit code 1 if any
    python -m scripts.derive --default crm    make crm the default application; derive both after it

SLUICE_APP names the application. The artefacts of the default application are at the top of the
repository, and those of another one in deploy/<application>.
"""

import argparse
import difflib
import importlib
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType

from scripts.derive import default, registry
from scripts.derive.checks import require_valid
from scripts.derive.scan import Found, scan
from sluice import application
from sluice.application import ApplicationError
from sluice.kinds.field import DeclarationError

ROOT = Path(__file__).parents[2]
DIFF_LINES = 20  # of each file that is out of date

# Each module has `files(found)`, which returns the content of its files by their path. A module
# may read what those before it wrote. It is imported only then, because it may read the registry.
OF_APPLICATION = ("scripts.derive.graphql", "scripts.derive.handlers")
OF_DEPLOYED = (
    "scripts.derive.docs_function",
    "scripts.derive.template",
    "scripts.derive.events",
    "scripts.derive.docs",
)
OF_DEFAULT = ("scripts.module_map", "scripts.reference_pages")


def main(arguments: list[str] | None = None) -> int:
    """Write or check the files of the application; return the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--default", metavar="APP", help="change the default application")
    options = parser.parse_args(arguments)
    try:
        if options.default:
            default.switch(options.default)
            return 0
        for files in derived_files(application.current_name()):
            stale = {path: text for path, text in files.items() if _present(path) != text}
            for path, text in stale.items():
                print(path.relative_to(ROOT))
                if options.check:
                    print("".join(_difference(_present(path), text)))
                else:
                    _write(path, text)
            if options.check and stale:  # files that are made later may depend on these
                print("run make derive", file=sys.stderr)
                return 1
        if not _link_openapi(application.current_name(), check=options.check):
            print("run make derive", file=sys.stderr)
            return 1
    except (ApplicationError, DeclarationError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def derived_files(app: str) -> Iterator[dict[Path, str]]:
    """Yield files with their content, by what makes them. Raise DeclarationError.

    The content of a file that is to be deleted is empty.
    """
    found = scan(app)
    require_valid(found)
    yield registry.files(found)
    _install_registry(found)
    names = [*OF_APPLICATION]
    names += OF_DEPLOYED if found.artefacts else ()
    names += OF_DEFAULT if found.is_default else ()
    for name in names:
        files: Callable[[Found], dict[Path, str]] = importlib.import_module(name).files
        yield files(found)


def _present(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def _write(path: Path, text: str) -> None:
    if not text:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    importlib.invalidate_caches()  # a new handler is imported next, for openapi.json


def _link_openapi(app: str, *, check: bool) -> bool:
    """Link to openapi.json from the folder of the artefacts. Return whether the link is right."""
    found = scan(app)
    if found.artefacts is None:
        return True
    link = found.artefacts / "openapi.json"
    target = f"{'functions/' if found.is_default else ''}docs/{link.name}"
    if link.is_symlink() and str(link.readlink()) == target:
        return True
    print(link.relative_to(ROOT))
    if not check:
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return not check


def _install_registry(found: Found) -> None:
    """Make the registry a module, so that the other files are those of the present declarations."""
    module = ModuleType(f"{found.app.name}.registry")
    vars(module).update(registry.constants(found))
    sys.modules[module.__name__] = module


def _difference(old: str, new: str) -> Iterator[str]:
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), "present", "derived", n=1
    )
    return islice(lines, DIFF_LINES)


if __name__ == "__main__":
    sys.exit(main())
