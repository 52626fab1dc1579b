"""`make test-sam`: builds with SAM, then runs this room in Docker. Needs `sam` on the path.

SAM_LOCAL_SETUP may name a program that makes Docker ready and prints `export` lines for the rest to use.
"""

import os
import shlex
import subprocess
import sys

from tests.fixtures.template import ROOT


def main() -> int:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "SLUICE_TEST_SAM": "1"}
    if setup := environment.get("SAM_LOCAL_SETUP"):
        told = subprocess.run([setup], stdout=subprocess.PIPE, text=True, check=True).stdout
        for word in shlex.split(told):
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
