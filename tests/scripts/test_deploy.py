"""Migrations come before the code that needs them, and code does not come after migrations that failed."""

import io
import json
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.deploy import DeployError, deploy, package, stack_name

ROOT = Path(__file__).parents[2]


class Missing(Exception):
    """As CloudFormation says it of a stack."""


class Cloud:
    """A stack, and a function in it, that remember what was done to them, in order."""

    exceptions = type("Exceptions", (), {"ClientError": Missing})

    def __init__(self, *, exists: bool, fails: bool = False, sam: int = 0) -> None:
        self.done: list[str] = []
        self._exists, self._fails, self._sam = exists, fails, sam

    def get_paginator(self, name: str) -> "Cloud":
        assert name == "list_stack_resources"
        return self

    def paginate(self, StackName: str) -> Any:
        if not self._exists:
            raise Missing(f"Stack with id {StackName} does not exist")
        yield {"StackResourceSummaries": [{"LogicalResourceId": "Api", "PhysicalResourceId": "a1"}]}
        yield {
            "StackResourceSummaries": [{"LogicalResourceId": "MigrateFunction", "PhysicalResourceId": "shop-Migrate"}]
        }

    def update_function_code(self, **given: Any) -> None:
        assert zipfile.ZipFile(io.BytesIO(given["ZipFile"])).namelist() == ["handler.py", "migrations/0001.py"]
        self.done.append(f"update {given['FunctionName']}")

    def get_waiter(self, name: str) -> Any:
        done = self.done
        return type("Waiter", (), {"wait": lambda _, FunctionName: done.append(f"wait {FunctionName}")})()

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.done.append(f"migrate {FunctionName}")
        if self._fails:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "no such role"}')}
        return {"Payload": io.BytesIO(json.dumps({"revision": "0007"}).encode())}

    def sam(self) -> int:
        self.done.append("sam")
        self._exists = not self._sam
        return self._sam


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "handler.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "migrations/0001.py").write_text("revision = '0001'\n")
    return tmp_path


def test_a_running_stack_is_migrated_with_the_new_migrations_before_it_gets_the_code(built: Path) -> None:
    cloud = Cloud(exists=True)

    assert deploy("shop", cloud, cloud, cloud.sam, built) == "0007"
    assert cloud.done == ["update shop-Migrate", "wait shop-Migrate", "migrate shop-Migrate", "sam"]


def test_a_new_stack_is_made_and_migrated_then(built: Path) -> None:
    cloud = Cloud(exists=False)

    assert deploy("shop", cloud, cloud, cloud.sam, built) == "0007"
    assert cloud.done == ["sam", "migrate shop-Migrate"]


def test_after_migrations_that_failed_no_code_is_deployed(built: Path) -> None:
    cloud = Cloud(exists=True, fails=True)

    with pytest.raises(DeployError, match="no such role"):
        deploy("shop", cloud, cloud, cloud.sam, built)
    assert "sam" not in cloud.done


def test_a_deployment_that_failed_is_not_told_as_done(built: Path) -> None:
    for exists, done in ((True, "migrate shop-Migrate"), (False, "sam")):
        cloud = Cloud(exists=exists, sam=1)
        with pytest.raises(DeployError, match="sam deploy failed"):
            deploy("shop", cloud, cloud, cloud.sam, built)
        assert done in cloud.done
        assert cloud.done[-1] == "sam"


def test_the_same_build_is_the_same_package(built: Path) -> None:
    first = package(built)
    (built / "handler.py").touch()

    assert package(built) == first
    with pytest.raises(DeployError, match="make build"):
        package(built / "nothing")


def test_every_environment_has_its_stack() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())

    stacks = {stage: stack_name(config, stage) for stage in ("default", "existing-vpc", "aurora", "production")}
    assert stacks["default"] == "sluice"
    assert stacks["production"] == "sluice-production"
    with pytest.raises(DeployError, match="no stack_name for staging"):
        stack_name(config, "staging")
