"""Generate the Python client with openapi-python-client, below the layer of clients/python."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.sdk.document import Schema, for_python

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "clients/python"
CONFIG = {"literal_enums": True, "post_hooks": []}


def generate(document: Schema, name: str, folder: Path) -> str:
    """Write the package `<name>_client` into `folder`, and return how to install it."""
    package = f"{name}_client"
    target = folder / "src" / package
    with TemporaryDirectory() as scratch:
        prepared = Path(scratch) / "openapi.json"
        prepared.write_text(json.dumps(for_python(document)))
        config = Path(scratch) / "config.json"
        config.write_text(json.dumps(CONFIG))
        _run_generator(prepared, config, Path(scratch) / "package")
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(Path(scratch) / "package", target)
    shutil.copytree(SOURCE / "src/sluice_client", target, dirs_exist_ok=True)
    shutil.rmtree(target / "__pycache__", ignore_errors=True)
    for file in ("pyproject.toml", "README.md"):
        text = (SOURCE / file).read_text().replace("sluice_client", package)
        (folder / file).write_text(text.replace("sluice-client", package.replace("_", "-")))
    shutil.copy2(ROOT / "LICENSE", folder / "LICENSE")
    _format(folder)
    return f"Install it: pip install {folder}"


def _run_generator(prepared: Path, config: Path, target: Path) -> None:
    """Run the generator. A warning is an error: it means that a route or schema is missing."""
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    options = {
        "--path": prepared,
        "--config": config,
        "--output-path": target,
        "--custom-template-path": SOURCE / "templates",
    }
    for option, value in options.items():
        command += [option, str(value)]
    subprocess.run([*command, "--fail-on-warning"], check=True, stdout=subprocess.DEVNULL)


def _format(folder: Path) -> None:
    settings = tomllib.loads((folder / "pyproject.toml").read_text())
    assert settings["tool"]["ruff"]  # noqa: S101
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--quiet", "--fix-only", "."], cwd=folder, check=True)
    subprocess.run([*ruff, "format", "--quiet", "."], cwd=folder, check=True)
