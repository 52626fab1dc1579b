"""make sbom lists exactly the pinned packages, with their hashes, for each layer and function."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from testing.environments import AUDIT_VENV, VENV

ROOT = Path(__file__).parents[2]
PINNED = sorted(
    [*ROOT.glob("layers/*/requirements.txt"), *ROOT.glob("functions/*/requirements.txt")]
)
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


@pytest.mark.skipif(not (AUDIT_VENV / ".done").exists(), reason="`make sbom` installs cyclonedx-py")
def test_bill_of_the_layer_has_its_packages() -> None:
    bill_file = ".sbom/layers/shared.json"
    subprocess.run(
        [
            "make",
            "--always-make",
            f"--old-file={AUDIT_VENV}/.done",
            f"SLUICE_VENV={VENV}",
            bill_file,
        ],
        cwd=ROOT,
        check=True,
    )
    bill = json.loads((ROOT / bill_file).read_text())

    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "sluice"
    found = {(each["name"], each["version"]) for each in bill["components"]}
    assert found == set(PIN.findall((ROOT / "layers/shared/requirements.txt").read_text()))
    for each in bill["components"]:
        hashes = [digest for link in each["externalReferences"] for digest in link["hashes"]]
        assert {digest["alg"] for digest in hashes} == {"SHA-256"}, each


def test_every_layer_and_function_has_a_bill() -> None:
    dry = subprocess.run(
        ["make", "--dry-run", "--always-make", "sbom"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    made = set(re.findall(r"-o \.sbom/(\S+)\.json", dry.stdout))

    assert made == {str(path.parent.relative_to(ROOT)) for path in PINNED}
    assert {"layers/shared", "layers/tokens"} <= made
