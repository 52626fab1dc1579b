"""Build with SAM, then run tests/sam in Docker (`make test-sam`). Needs `sam` on the path.

SAM_LOCAL_SETUP may name a program that starts Docker and prints `export` lines for the tests.
"""

import os
import shlex
import subprocess
import sys

from tests.fixtures.template import ROOT


def main() -> int:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "SLUICE_TEST_SAM": "1"}
    if setup := environment.get("SAM_LOCAL_SETUP"):
        printed = subprocess.run([setup], stdout=subprocess.PIPE, text=True, check=True).stdout
        for word in shlex.split(printed):
            name, assigned, value = word.partition("=")
            if assigned:
                environment[name] = value
    if subprocess.run(
        ["docker", "info"], env=environment, capture_output=True, check=False
    ).returncode:
        sys.exit("make test-sam needs a running Docker")
    subprocess.run(["sam", "build"], cwd=ROOT, env=environment, check=True)
    tests = [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        "slow",
        "--timeout=900",
        "tests/sam",
        *sys.argv[1:],
    ]
    return subprocess.run(tests, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
