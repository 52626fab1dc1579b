"""Run the black-box suite on `sam local start-api`, beside a local system."""

import os
import subprocess
import sys

import pytest

from testing.local_system import temporary_system
from tests.fixtures.template import ROOT
from tests.sam.conftest import Sam

pytestmark = pytest.mark.slow


def test_black_box_suite_passes_on_start_api(sam_program: str) -> None:
    with temporary_system(SLUICE_SEED="") as system:
        system.start()
        sam = Sam(sam_program, system.home / "state/env.json")
        with sam.start_api("--warm-containers", "LAZY") as port:
            environment = {
                **os.environ,
                "SLUICE_E2E_URL": f"http://127.0.0.1:{port}",
                "SLUICE_E2E_KEY": "local-admin",
                "SLUICE_E2E_LIMITED_KEY": "local-limited",
                "SLUICE_E2E_ORIGIN": "http://localhost:5173",
                "SLUICE_E2E_SAM_LOCAL": "1",
            }
            command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", "tests/e2e"]
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=1200,
            )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr
    # Skipped: the test of a host's region, and that of a body that is not UTF-8.
    assert done.stdout.count("SKIPPED") == 2, done.stdout[-2_000:]
