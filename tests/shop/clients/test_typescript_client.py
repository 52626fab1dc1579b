"""The generated TypeScript client against the running system, also through a proxy with faults."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testing.local_system import LocalSystem
from tests.fixtures.fault_proxy import FAULTS, fault_proxy
from tests.fixtures.sdk import ROOT, new_shelf, restock_product_1
from tests.shop.clients.test_python_client import LARGE, SMALL, example, same_lines

pytestmark = pytest.mark.timeout(900)  # a generator and two compilers run

OPTIONS = {
    "target": "ES2022",
    "lib": ["ES2023", "DOM", "DOM.Iterable"],
    "module": "NodeNext",
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "types": [],
}


@pytest.fixture(scope="module")
def compiled(programs: Path, demo_system: LocalSystem) -> Path:
    """The folder with the programs, which `tsc --strict` has accepted and compiled."""
    for source in (Path(__file__).parent / "programs").glob("*.ts"):
        shutil.copy2(source, programs)
    base_url = demo_system.local_json["base_url"]
    documented = example("ts").replace("http://127.0.0.1:3000", base_url)
    (programs / "documented.ts").write_text(documented)
    (programs / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    tsc = ROOT / "clients/typescript/node_modules/.bin/tsc"
    done = subprocess.run([tsc, "--project", programs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return programs


def run(folder: Path, program: str, *arguments: object) -> str:
    command = ["node", str(folder / f"{program}.js"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_part_of_the_client_works(compiled: Path, demo_system: LocalSystem) -> None:
    shelf = new_shelf(demo_system, "TypeScript Parts", 5)
    base_url = demo_system.local_json["base_url"]

    found: dict[str, Any] = json.loads(
        run(compiled, "behaviour", base_url, shelf.user_id, shelf.product_id)
    )

    assert len(found["ids"]) == len({*found["ids"]}) == found["total"] > 14
    assert found["later"] == sorted(found["ids"])[3:]
    assert [*{*found["orders"]}] == shelf.orders()
    assert found["replayed"] == [None, "true"]
    assert found["conflict"] == ["stale_version", False]
    assert found["invalid"] == ["/name", "/price"]
    assert found["prices"] == ["3.00", "3.00"]
    assert found["fields"] == ["id", "name"]
    assert shelf.left() == 4


@pytest.mark.parametrize(
    "count", [SMALL, pytest.param(LARGE, marks=[pytest.mark.slow, pytest.mark.timeout(0)])]
)
def test_faults_neither_double_nor_lose_an_order(
    compiled: Path, demo_system: LocalSystem, count: int
) -> None:
    shelf = new_shelf(demo_system, f"TypeScript Faults {count}", count + 10)

    with fault_proxy(demo_system.local_json["base_url"], rate=0.4, seed=count) as proxy:
        proxy.next_faults = [*FAULTS]
        arguments = (proxy.base_url, shelf.user_id, shelf.product_id, count)
        placed = json.loads(run(compiled, "orders", *arguments))

    assert all(proxy.counts[fault] > 0 for fault in FAULTS)
    assert len(proxy.keys) == count
    assert sorted(placed) == shelf.orders()
    assert len({*placed}) == count
    assert shelf.left() == 10


def test_documented_program_runs_in_node(compiled: Path, demo_system: LocalSystem) -> None:
    restock_product_1(demo_system)

    assert same_lines(run(compiled, "documented"))
