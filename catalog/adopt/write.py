"""Write an adopted application: all of its new files, or none."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import AdoptError

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "shared"


def folders(app: str) -> tuple[Path, ...]:
    """Return the folders that have files of an application of one's own."""
    return (
        LAYER / app,
        ROOT / "functions" / app,
        ROOT / "deploy" / app,
        ROOT / "tests" / "apps" / app,
    )


def write(app: str, files: Mapping[Path, str]) -> list[Path]:
    """Write the files, and derive the others. Return the paths of those that were derived.

    Raise AdoptError, and leave the files as they were.
    """
    with _all_or_nothing(app):
        _write_each(files)
        sources = [str(path) for path in files if path.suffix == ".py"]
        if sources:
            _run("ruff", "format", "--quiet", *sources)
        importlib.invalidate_caches()
        return [ROOT / line for line in _run("scripts.derive", app=app).splitlines()]


def _write_each(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        except OSError as error:
            raise AdoptError(f"{path} cannot be written: {error.strerror}") from error


def formatted(text: str) -> str:
    """Return a source as `ruff format` leaves it. Raise AdoptError."""
    return _run("ruff", "format", "-", text=text)


@contextmanager
def _all_or_nothing(app: str) -> Iterator[None]:
    """Restore the files of the application if the block fails, also by Ctrl-C."""
    before = {path: path.read_bytes() for path in _files(app)}
    try:
        yield
    except BaseException:
        for path in _files(app):
            if path not in before:
                path.unlink()
        for path, content in before.items():
            path.write_bytes(content)
        for folder in folders(app):
            _remove_empty(folder)
        raise


def _files(app: str) -> Iterator[Path]:
    for folder in folders(app):
        yield from (path for path in folder.rglob("*") if path.is_file())


def _remove_empty(folder: Path) -> None:
    """Remove folders without files, and what Python compiled of the removed modules."""
    if not folder.is_dir():
        return
    for each in folder.iterdir():
        if each.is_dir():
            _remove_empty(each)
    if {each.name for each in folder.iterdir()} <= {"__pycache__"}:
        shutil.rmtree(folder)


def _run(module: str, *arguments: str, app: str = "", text: str | None = None) -> str:
    """Run a module, and return what it prints. Raise AdoptError with its message."""
    environment = {**os.environ, **({"SLUICE_APP": app} if app else {})}  # noqa: TID251 - a tool's
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AdoptError(done.stderr.strip() or done.stdout.strip())
    return done.stdout
