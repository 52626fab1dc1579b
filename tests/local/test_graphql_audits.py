"""The GraphQL over HTTP audits of npm's graphql-http against the running system (Node, npm)."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.local_system import LocalSystem

PACKAGES = ("graphql-http@1.23.1", "graphql@16.15.0")
AUDITS = 61


@pytest.fixture(scope="session")
def npm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed packages."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("the GraphQL over HTTP audits need Node and npm")
    folder = tmp_path_factory.mktemp("npm")
    command = [
        "npm",
        "install",
        "--prefix",
        str(folder),
        "--no-audit",
        "--no-fund",
        "--silent",
        *PACKAGES,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {' and '.join(PACKAGES)} here: {done.stderr[-200:]}")
    return folder


def test_graphql_audits_pass(
    demo_system: LocalSystem, npm_folder: Path, record_property: Callable[[str, object], None]
) -> None:
    script = Path(__file__).with_name("graphql_audits.mjs")
    url = f"{demo_system.local_json['base_url']}/api/graphql"
    run = subprocess.run(
        ["node", str(script), url, "local-admin"],
        cwd=npm_folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    results = json.loads(run.stdout)

    passed = [result for result in results if result["status"] == "ok"]
    record_property("graphql-http", f"{len(passed)} of {len(results)} audits pass")
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS
