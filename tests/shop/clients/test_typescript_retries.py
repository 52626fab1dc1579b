"""The layer of the TypeScript client decides what is sent again, and when. No network is used.

Node's test runner runs retries/retries.ts, with the table of the Python client.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.sdk import ROOT, beside
from tests.shop.clients.retry_cases import CASES, TABLE
from tests.shop.clients.test_typescript_client import OPTIONS

SOURCES = Path(__file__).parent / "retries"

pytestmark = pytest.mark.timeout(900)  # a generator and two compilers run


def test_node_runs_every_test(typescript_sdk: Path) -> None:
    folder = beside(typescript_sdk, "retries")
    for name in ("retries.ts", "node-test.d.ts"):
        shutil.copy2(SOURCES / name, folder)
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    tsc = ROOT / "clients/typescript/node_modules/.bin/tsc"
    compiled = subprocess.run(
        [tsc, "--project", folder], capture_output=True, text=True, check=False
    )
    assert compiled.returncode == 0, compiled.stdout

    command = ["node", "--test", "--test-reporter=tap", str(folder / "retries.js")]
    environment = {**os.environ, "TABLE": str(TABLE)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    declared = (SOURCES / "retries.ts").read_text().count('\ntest("')
    assert done.returncode == 0, done.stdout
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) == len(CASES) + declared > len(CASES) > 40
