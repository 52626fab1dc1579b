"""Deploying: migrations run after the confirmation and before the code, in SAM's account."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, WaiterError

from scripts.deploy import AwsClients, DeployTools, deploy, main
from scripts.migration import build_package
from scripts.target import DeployError, DeployTarget

ROOT = Path(__file__).parents[2]
STACK = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop/1"
CHANGE_SET = "arn:aws:cloudformation:eu-central-1:123456789012:changeSet/samcli-deploy2/1"
OLD_CHANGE_SET = CHANGE_SET.replace("deploy2", "deploy1")
TARGET = DeployTarget("default", "shop", confirm_changeset=True)


def client_error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


@dataclass
class FakeAccount:
    """An AWS account with one stack. It is the client of each service, and records the calls."""

    exists: bool = True
    sam_code: int = 0
    empty: bool = False  # SAM finds no changes
    confirm_changeset: bool = True
    fails: bool = False  # the migrations
    expired: bool = False  # the credentials, before a change set is deleted
    for_administrator: list[str] = field(default_factory=list)  # statements
    differences: list[dict[str, str]] = field(default_factory=list)  # of the declarations
    function_status: str = "UPDATE_COMPLETE"
    states: list[str] = field(default_factory=list)  # of the function, before it is Active
    invocations: list[str] = field(default_factory=list)  # errors of the first invocations
    ends: str = ""  # the stack's final status; empty: it succeeds
    parameters: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)  # the calls that change something
    events: list[dict[str, Any]] = field(default_factory=list)
    change_sets: list[str] = field(default_factory=lambda: [OLD_CHANGE_SET])

    def cloud(self) -> AwsClients:
        return AwsClients(self, self, self)

    def tools(self, built: Path) -> DeployTools:
        return DeployTools(self.build, self.sam, self.confirm, lambda _: None, built)

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012"}

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if not self.exists:
            raise client_error("ValidationError", f"Stack with id {StackName} does not exist")
        given = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()
        ]
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "Parameters": given}]}

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=getattr(self, f"_{name}"))

    def _list_stack_resources(self, StackName: str) -> Iterator[dict[str, Any]]:
        yield {
            "StackResourceSummaries": [
                {"LogicalResourceId": "Api", "ResourceStatus": "CREATE_COMPLETE"}
            ]
        }
        function = {"LogicalResourceId": "MigrateFunction", "PhysicalResourceId": "shop-Migrate"}
        yield {"StackResourceSummaries": [{**function, "ResourceStatus": self.function_status}]}

    def _list_change_sets(self, StackName: str) -> Iterator[dict[str, Any]]:
        self.describe_stacks(StackName)
        yield {
            "Summaries": [
                {"ChangeSetId": id, "ExecutionStatus": "AVAILABLE"} for id in self.change_sets
            ]
        }

    def _describe_stack_events(self, StackName: str) -> Iterator[dict[str, Any]]:
        yield {"StackEvents": self.events[::-1]}

    def event(self, name: str, status: str, reason: str = "") -> None:
        event = {
            "EventId": str(len(self.events)),
            "Timestamp": datetime.now(UTC),
            "LogicalResourceId": name,
            "PhysicalResourceId": STACK if name == "shop" else name,
            "StackId": STACK,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
        }
        self.events.append(event)

    def build(self) -> int:
        self.done.append("build")
        return 0

    def sam(self, added: Sequence[str]) -> int:
        assert list(added) == ["--no-execute-changeset", "--no-confirm-changeset"]
        self.done.append("change set")
        self.exists = True
        if not self.sam_code and not self.empty:
            self.change_sets.append(CHANGE_SET)
        return self.sam_code

    def confirm(self, question: str) -> bool:
        assert "shop in account 123456789012, region eu-central-1" in question
        self.done.append("confirm")
        return self.confirm_changeset

    def delete_change_set(self, ChangeSetName: str, StackName: str) -> None:
        assert ChangeSetName == CHANGE_SET
        if self.expired:
            raise client_error("ExpiredToken", "The token is expired")
        self.done.append("delete change set")

    def execute_change_set(self, ChangeSetName: str, StackName: str) -> None:
        assert ChangeSetName == CHANGE_SET
        self.done.append("execute")
        self.event("shop", "UPDATE_IN_PROGRESS")
        if self.ends:
            self.event("Api", "UPDATE_FAILED", "no such certificate")
        self.event("shop", self.ends or "UPDATE_COMPLETE")

    def get_function_configuration(self, FunctionName: str) -> dict[str, str]:
        return {
            "State": self.states.pop(0) if self.states else "Active",
            "StateReason": "the subnet is gone",
        }

    def update_function_code(self, **given: Any) -> None:
        assert zipfile.ZipFile(io.BytesIO(given["ZipFile"])).namelist() == [
            "handler.py",
            "migrations/0001.py",
        ]
        self.done.append(f"update {given['FunctionName']}")

    def get_waiter(self, name: str) -> Any:
        return SimpleNamespace(wait=lambda FunctionName: self.done.append(f"wait {name}"))

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.done.append("migrate")
        if self.invocations:
            raise client_error(self.invocations.pop(0), "The function is inactive")
        if self.fails:
            message = {
                "errorType": "MissingPrivilege",
                "errorMessage": "no such role",
                "stackTrace": ["…"],
            }
            return {
                "FunctionError": "Unhandled",
                "Payload": io.BytesIO(json.dumps(message).encode()),
            }
        result = {
            "revision": "sluice 0007",
            "for_administrator": self.for_administrator,
            "differences": self.differences,
        }
        return {"Payload": io.BytesIO(json.dumps(result).encode())}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "handler.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "migrations/0001.py").write_text("revision = '0001'\n")
    return tmp_path


def run(account: FakeAccount, built: Path, target: DeployTarget = TARGET) -> str:
    return deploy(target, "eu-central-1", account.cloud(), account.tools(built))


UPDATE = ["update shop-Migrate", "wait function_updated_v2", "migrate"]


def test_migration_runs_before_the_code(built: Path) -> None:
    account = FakeAccount()
    assert run(account, built) == "sluice 0007"
    assert account.done == ["build", "change set", "confirm", *UPDATE, "execute"]


def test_declined_deployment_changes_nothing(built: Path) -> None:
    account = FakeAccount(confirm_changeset=False)
    with pytest.raises(
        DeployError, match="not deployed: nothing has changed, and the database was not migrated"
    ):
        run(account, built)
    assert account.done == ["build", "change set", "confirm", "delete change set"]


def test_confirmation_can_be_disabled(built: Path) -> None:
    account = FakeAccount()
    run(account, built, DeployTarget("default", "shop", confirm_changeset=False))
    assert "confirm" not in account.done


def test_new_stack_is_migrated_after_creation(built: Path) -> None:
    account = FakeAccount(exists=False, change_sets=[])
    assert run(account, built) == "sluice 0007"
    assert account.done == ["build", "change set", "confirm", "execute", "migrate"]


def test_migration_runs_without_changes(built: Path) -> None:
    account = FakeAccount(empty=True)
    assert run(account, built) == "sluice 0007"
    assert account.done == ["build", "change set", *UPDATE]


DIFFERENCE = {
    "resource": "deals",
    "subject": "crm.deals.title",
    "message": "its largest length is 60",
    "line": "change title: max_length=60",
}


def test_drift_stops_deployment(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account = FakeAccount(differences=[DIFFERENCE])

    with pytest.raises(DeployError, match=r"differ, and no code was deployed.*--accept-drift$"):
        run(account, built)

    assert account.done == ["build", "change set", "confirm", *UPDATE, "delete change set"]
    printed = capsys.readouterr().out
    assert "deals: crm.deals.title: its largest length is 60\n" in printed
    assert "  change title: max_length=60\n" in printed


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("GRANT SELECT ON TABLE deals TO sluice_app", "an administrator of the server has to:\n"),
        ("ALTER ROLE sluice_app SET temp_file_limit = '1GB'", "work without them:\n"),
    ],
)
def test_statements_for_an_administrator_are_printed(
    built: Path, capsys: pytest.CaptureFixture[str], statement: str, message: str, exists: bool
) -> None:
    account = FakeAccount(exists=exists, change_sets=[], for_administrator=[statement])

    assert run(account, built) == "sluice 0007"

    assert f"{message}  {statement};\n" in capsys.readouterr().out


def test_drift_can_be_accepted(built: Path) -> None:
    account = FakeAccount(differences=[DIFFERENCE])
    tools = replace(account.tools(built), accepts_drift=True)

    assert deploy(TARGET, "eu-central-1", account.cloud(), tools) == "sluice 0007"

    assert account.done[-1] == "execute"


def test_failed_migration_stops_deployment(built: Path) -> None:
    account = FakeAccount(fails=True)
    with pytest.raises(DeployError, match=r"no code was deployed: MissingPrivilege: no such role$"):
        run(account, built)
    assert account.done == ["build", "change set", "confirm", *UPDATE, "delete change set"]


def test_error_of_migrations_is_not_hidden(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account = FakeAccount(fails=True, expired=True)
    with pytest.raises(DeployError, match="no such role"):
        run(account, built)
    assert f"the change set {CHANGE_SET} remains: " in capsys.readouterr().err


def test_failed_stack_names_the_reason(built: Path) -> None:
    account = FakeAccount(ends="UPDATE_ROLLBACK_COMPLETE")
    with pytest.raises(
        DeployError, match=r"because of Api: no such certificate; the database is at sluice 0007$"
    ):
        run(account, built)


def test_failed_change_set_migrates_nothing(built: Path) -> None:
    account = FakeAccount(sam_code=1)
    with pytest.raises(
        DeployError, match="sam deploy did not create a change set; nothing has changed"
    ):
        run(account, built)
    assert account.done == ["build", "change set"]


@pytest.mark.parametrize("code", ["ResourceNotReadyException", "ResourceConflictException"])
def test_idle_function_is_invoked_again(built: Path, code: str) -> None:
    account = FakeAccount(
        states=["Idle", "Idle", "Pending", "Pending", "Active"], invocations=[code]
    )
    assert run(account, built) == "sluice 0007"
    assert account.done.count("migrate") == 2
    assert account.states == []


def test_second_failed_invocation_is_an_error(built: Path) -> None:
    account = FakeAccount(invocations=["ResourceNotReadyException"] * 2)
    with pytest.raises(ClientError):
        run(account, built)
    assert "execute" not in account.done


def test_denied_invocation_is_not_repeated(built: Path) -> None:
    account = FakeAccount(invocations=["AccessDeniedException"])
    with pytest.raises(ClientError):
        run(account, built)
    assert account.done.count("migrate") == 1


def test_failed_function_is_an_error(built: Path) -> None:
    with pytest.raises(DeployError, match="shop-Migrate cannot run: the subnet is gone"):
        run(FakeAccount(states=["Failed"]), built)


def test_deleted_function_is_not_invoked(built: Path) -> None:
    account = FakeAccount(function_status="DELETE_COMPLETE")
    with pytest.raises(DeployError, match="shop has no MigrateFunction"):
        run(account, built)
    assert account.done == ["build", "change set", "confirm", "execute"]


@pytest.mark.parametrize("source", ["override", "stack"])
def test_missing_certificate_stops_early(built: Path, source: str) -> None:
    given = {"DbCaFile": "/opt/certificates/missing.pem"}
    account = FakeAccount(parameters=given if source == "stack" else {})
    target = DeployTarget("default", "shop", parameters=given if source == "override" else {})
    with pytest.raises(
        DeployError,
        match=r"certificates/missing\.pem does not exist.*bundle of the database's Region",
    ):
        run(account, built, target)
    assert account.done == []


@pytest.mark.parametrize("proxy", [{"UseProxy": "true"}, {"DbPooler": "rds-proxy"}])
def test_rls_with_rds_proxy_stops_early(built: Path, proxy: dict[str, str]) -> None:
    account = FakeAccount(parameters=proxy)
    with pytest.raises(DeployError, match="set UseProxy=false, or Rls=false"):
        run(account, built, DeployTarget("default", "shop", parameters={"Rls": "true"}))
    assert account.done == []


def test_target_is_printed_first(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeployError):
        run(
            FakeAccount(),
            built,
            DeployTarget(
                "x",
                "shop",
                profile="admin",
                parameters={"DbCaFile": "/opt/certificates/missing.pem"},
            ),
        )
    printed = capsys.readouterr().out
    for part in ("123456789012", "eu-central-1", "admin", "shop, which exists"):
        assert part in printed


def test_package_is_reproducible(built: Path) -> None:
    first = build_package(built)
    (built / "handler.py").touch()
    assert build_package(built) == first
    with pytest.raises(DeployError, match="make build"):
        build_package(built / "nothing")


@pytest.fixture
def tools(tmp_path: Path) -> list[str]:
    """Options for a fake sam and a fake make, which record how they were called."""
    for name in ("sam", "make"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $@" >> {tmp_path}/calls\n')
        (tmp_path / name).chmod(0o755)
    return ["--sam", str(tmp_path / "sam"), "--make", str(tmp_path / "make")]


def session(account: FakeAccount, region: str | None = "eu-central-1") -> Any:
    return SimpleNamespace(region_name=region, client=lambda name, config=None: account)


def test_sam_gets_stage_and_arguments(tools: list[str], tmp_path: Path) -> None:
    given: list[DeployTarget] = []

    def session_of(target: DeployTarget) -> Any:
        given.append(target)
        return session(FakeAccount(exists=False), "eu-west-1")

    arguments = [
        "default",
        *tools,
        "--region",
        "eu-west-1",
        "--profile",
        "admin",
        "--stack-name",
        "other",
    ]
    main(arguments, session_of)
    build, deployed = (tmp_path / "calls").read_text().splitlines()
    assert build == "make --no-print-directory build"
    assert deployed == (
        "sam deploy --config-env default --region eu-west-1 --profile admin --stack-name other "
        "--no-execute-changeset --no-confirm-changeset"
    )
    assert (given[0].region, given[0].profile, given[0].stack) == ("eu-west-1", "admin", "other")


def failing(error: Exception) -> Any:
    class Sts(FakeAccount):
        def get_caller_identity(self) -> dict[str, str]:
            raise error

    return lambda target: session(Sts())


@pytest.mark.parametrize(
    ("arguments", "session_of", "message"),
    [
        (
            ["staging"],
            None,
            "samconfig.toml has no stage staging; it has default, existing-vpc, aurora",
        ),
        (["default", "--guided"], None, "--guided asks questions"),
        (["default"], lambda target: session(FakeAccount(), None), "no region is set"),
        (
            ["default", "--profile", "no-such-profile"],
            None,
            "The config profile (no-such-profile) could not be found",
        ),
        (["default"], failing(NoCredentialsError()), "Unable to locate credentials"),
        (
            ["default"],
            failing(client_error("ExpiredToken", "The security token is expired")),
            "The security token is expired",
        ),
        (
            ["default"],
            failing(WaiterError("x", "Max attempts exceeded", {})),
            "Max attempts exceeded",
        ),
    ],
)
def test_error_is_one_sentence(
    arguments: list[str],
    session_of: Any,
    message: str,
    tools: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*arguments, *tools], *([session_of] if session_of else [])) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("deploy: ")
    assert message in printed
    assert "Traceback" not in printed
