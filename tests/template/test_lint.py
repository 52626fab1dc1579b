"""What SAM, cfn-lint and checkov say of the template; `make check` and `make checkov` run the same."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts import render_template
from tests.template.test_cdn import nested


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


@pytest.mark.slow
def test_checkov_finds_what_we_answer_for_and_nothing_else(root: Path, tmp_path: Path) -> None:
    """Every line of the skip list is needed, and there is no finding beside it. Run where the list is not found."""
    checkov = root / ".venv-checkov/bin/checkov"
    if not checkov.exists():
        pytest.skip("needs checkov: make checkov")
    assert render_template.main([str(tmp_path)]) == 0
    (tmp_path / "cdn.json").write_text(json.dumps(nested()))  # which no environment has
    command = [checkov, "--framework", "cloudformation", "--output", "json", "--skip-download"]
    found = subprocess.run(
        [*command, "--directory", tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    failed = {check["check_id"] for check in json.loads(found.stdout)["results"]["failed_checks"]}
    assert failed == set(yaml.safe_load((root / ".checkov.yaml").read_text())["skip-check"]), (
        found.stderr
    )


def test_what_checkov_is_not_to_ask_has_its_reason(root: Path) -> None:
    skipped = [
        line
        for line in (root / ".checkov.yaml").read_text().splitlines()
        if line.startswith("  - CKV")
    ]

    assert skipped
    assert [line for line in skipped if not re.search(r" # .{10,}", line)] == []
