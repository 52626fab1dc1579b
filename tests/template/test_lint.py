"""What SAM and cfn-lint say of the template; `make check` runs the same."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.slow
def test_sam_finds_nothing_to_object_to(root: Path) -> None:
    sam = os.environ.get("SLUICE_SAM") or shutil.which("sam", path=root / ".venv-sam/bin")
    if not sam:
        pytest.skip("needs SAM: make .venv-sam, or name one in SLUICE_SAM")
    linted = subprocess.run(
        [sam, "validate", "--lint"],
        cwd=root,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
