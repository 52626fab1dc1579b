"""`make sdk` reads the language from the command line, not from the locale of the environment."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testing.environments import VENV
from tests.fixtures.sdk import ROOT

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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_pyright_accepts_the_client(python_sdk: Path) -> None:
    if shutil.which("npx") is None:
        pytest.skip("pyright needs npx")
    command = ["npx", "--yes", PYRIGHT, "--pythonpath", str(VENV / "bin/python")]
    done = subprocess.run(command, cwd=python_sdk, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
