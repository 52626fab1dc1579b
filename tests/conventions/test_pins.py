"""Each distribution has one version in the layer, the tests and the benchmarks."""

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Installed separately: tools that pin old releases of Sluice's libraries, and pip.
SEPARATE_ENVIRONMENTS = {"sam.txt", "checkov.txt", "docs.txt", "audit.txt", "pip.txt"}
FILES = [
    path
    for pattern in (
        "requirements/*.txt",
        "layers/*/requirements.txt",
        "functions/*/requirements.txt",
    )
    for path in sorted(ROOT.glob(pattern))
    if path.name not in SEPARATE_ENVIRONMENTS
    and not path.name.startswith("postgres-")  # the tests use every major version
]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
LINE = re.compile(r"^[A-Za-z0-9].*", re.MULTILINE)


def pins_of(path: Path) -> dict[str, str]:
    """Return the version of each distribution."""
    return {
        re.sub(r"[._-]+", "-", name).lower(): version
        for name, version in PIN.findall(path.read_text())
    }


def test_every_requirement_is_pinned() -> None:
    for path in FILES:
        text = path.read_text()
        assert len(LINE.findall(text)) == len(PIN.findall(text)) > 0, path


def test_distribution_has_one_version() -> None:
    versions: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in FILES:
        for name, version in pins_of(path).items():
            versions[name][version].append(str(path.relative_to(ROOT)))

    assert {name: dict(found) for name, found in versions.items() if len(found) > 1} == {}


def test_pins_have_hashes() -> None:
    for path in FILES:
        blocks = re.split(r"^(?=[A-Za-z0-9])", path.read_text(), flags=re.MULTILINE)
        assert [
            block for block in blocks if PIN.match(block) and "--hash=sha256:" not in block
        ] == [], path
