"""`make sdk` reads the language from the command line, not from the locale of the environment."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testing.environments import VENV
from tests.fixtures.sdk import ROOT
from tests.shop.clients.test_python_client import example

PYRIGHT = "pyright@1.1.414"


def make_sdk(*variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LANG": "py"}
    command = ["make", "sdk", *variables]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_locale_is_no_language() -> None:
    done = make_sdk()

    assert done.returncode != 0
    assert "Set LANG: make sdk LANG=ts, or make sdk LANG=py" in done.stderr


def test_other_language_is_refused() -> None:
    done = make_sdk("LANG=rb")

    assert done.returncode != 0
    assert "LANG=rb is no language of make sdk" in done.stderr


@pytest.mark.parametrize("document", ["none.json", "README.md"])
def test_unreadable_document_is_named(document: str) -> None:
    done = make_sdk("LANG=py", f"DOCUMENT={document}")

    assert done.returncode != 0
    assert f"DOCUMENT={document} cannot be read: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_pyright_accepts_client_and_program(python_sdk: Path, tmp_path: Path) -> None:
    """It accepts the package and the documented program, and refuses wrong options."""
    if shutil.which("npx") is None:
        pytest.skip("pyright needs npx")
    shutil.copytree(python_sdk, tmp_path, dirs_exist_ok=True)
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/documented.py").write_text(example("python"))
    shutil.copy2(Path(__file__).parent / "programs/options.py", tmp_path / "programs")
    settings = {
        "include": ["src", "programs"],
        "extraPaths": ["src"],
        "typeCheckingMode": "standard",
        "reportUnnecessaryTypeIgnoreComment": True,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = ["npx", "--yes", PYRIGHT, "--outputjson", "--pythonpath", str(VENV / "bin/python")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    found = json.loads(done.stdout)
    assert done.returncode == 0, found["generalDiagnostics"]
    assert found["summary"]["filesAnalyzed"] > 50
