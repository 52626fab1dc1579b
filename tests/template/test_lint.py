"""Lint the template with SAM, cfn-lint and checkov, as `make check` and `make checkov` do."""

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
def test_sam_validate_passes(root: Path) -> None:
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
def test_checkov_findings_match_the_skip_list(root: Path, tmp_path: Path) -> None:
    """Every skipped rule has a finding, and there are no others.

    checkov runs in a folder without .checkov.yaml, so that it ignores the skip list.
    """
    checkov = root / ".venv-checkov/bin/checkov"
    if not checkov.exists():
        pytest.skip("needs checkov: make checkov")
    assert render_template.main([str(tmp_path)]) == 0
    (tmp_path / "cdn.json").write_text(json.dumps(nested()))  # no stage uses it
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


def test_skipped_checkov_rules_have_a_reason(root: Path) -> None:
    skipped = [
        line
        for line in (root / ".checkov.yaml").read_text().splitlines()
        if line.startswith("  - CKV")
    ]

    assert skipped
    assert [line for line in skipped if not re.search(r" # .{10,}", line)] == []
