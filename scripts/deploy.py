"""Deploy a stack: build, change set, migrations, code (`make deploy STAGE=production`).

    1. Print the account, region and stack, and check the parameters.
    2. Run `make build` and `sam deploy --no-execute-changeset`, which shows the changes. You
       confirm them.
    3. Update the stack's migration function and run the migrations. If they fail, nothing else
       has changed. If the declarations and the database differ, the deployment ends here.
    4. Execute the change set. In production it is a canary, which alarms roll back.

Migrations only add objects. Therefore the running code works between steps 3 and 4, and after a
rollback. A new stack is created first and migrated after that.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from scripts import migration
from scripts.target import (
    ROOT,
    DeployError,
    DeployTarget,
    check_certificate,
    check_rls,
    read_target,
)
from sluice import application

BUILT = ROOT / ".aws-sam/build/MigrateFunction"
POLL_SECONDS = 5.0
DRIFT = (
    "the declarations and the database differ, and no code was deployed; the database is at "
    "{revision}. Change the declarations (make drift has the lines), or deploy as they are: "
    "ARGS=--accept-drift"
)
NEEDS_ADMINISTRATOR = (
    "the database's owner may not run these statements; an administrator of the server has to:"
)
CAN_BE_SET = (
    "the database's owner may not change these settings; an administrator can, and the functions "
    "work without them:"
)
DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@dataclass(frozen=True, slots=True)
class AwsClients:
    """Clients of the AWS services, from one session."""

    cloudformation: Any
    functions: Any
    sts: Any

    @classmethod
    def of(cls, session: Any) -> "AwsClients":
        from botocore.config import Config

        # A client that retries after a timeout would run the migrations twice.
        no_retries = Config(
            read_timeout=migration.TIMEOUT_SECONDS + 10, retries={"max_attempts": 0}
        )
        return cls(
            session.client("cloudformation"),
            session.client("lambda", config=no_retries),
            session.client("sts"),
        )


@dataclass(frozen=True, slots=True)
class DeployTools:
    """The programs and prompts of a deployment. `build` and `sam` return an exit code.

    accepts_drift: whether to deploy though the database and the declarations differ.
    """

    build: Callable[[], int]
    sam: Callable[[Sequence[str]], int]
    confirm: Callable[[str], bool]
    sleep: Callable[[float], None] = time.sleep
    built: Path = BUILT
    accepts_drift: bool = False


def deploy(target: DeployTarget, region: str, cloud: AwsClients, tools: DeployTools) -> str:
    """Deploy, and return the database's revision. Raise DeployError, or an error of boto3."""
    account = cloud.sts.get_caller_identity()["Account"]
    existing = _stack(cloud.cloudformation, target.stack)
    _print_target(target, account, region, exists=existing is not None)
    parameters = {**_parameters_of(existing), **target.parameters}
    check_certificate(parameters)
    check_rls(parameters)
    if tools.build():
        raise DeployError("the build failed; nothing has changed")
    change_set = _change_set(target, cloud.cloudformation, tools)
    try:
        if change_set:
            _require_confirmation(target, account, region, tools)
        revision = _migrate_existing(target, cloud, tools) if existing else ""
    except BaseException:
        if change_set:
            _delete_change_set(cloud.cloudformation, target.stack, change_set)
        raise
    if change_set:
        try:
            _execute(cloud.cloudformation, target, change_set, tools.sleep)
        except DeployError as error:
            raise DeployError(
                f"{error}; the database is at {revision or 'no revision yet'}"
            ) from error
    return revision or _migrate_new(target, cloud, tools)


def _require_confirmation(
    target: DeployTarget, account: str, region: str, tools: DeployTools
) -> None:
    """Raise DeployError unless a person agrees, or the stage needs no confirmation."""
    question = f"Deploy these changes to {target.stack} in account {account}, region {region}?"
    if target.confirm_changeset and not tools.confirm(question):
        raise DeployError("not deployed: nothing has changed, and the database was not migrated")


def _migrate_existing(target: DeployTarget, cloud: AwsClients, tools: DeployTools) -> str:
    """Run this release's migrations in the stack's function, and return the revision.

    Return an empty text if the stack has no such function yet. Raise DeployError if the database
    and the declarations differ.
    """
    function = migration.find_function(cloud.cloudformation, target.stack)
    if function is None:
        return ""
    package = migration.build_package(tools.built)
    migrated = migration.run_migrations(cloud.functions, function, package, tools.sleep)
    _print_result(migrated)
    if migrated.differences and not tools.accepts_drift:
        raise DeployError(DRIFT.format(revision=migrated.revision))
    print(f"{target.stack}: the database is at {migrated.revision}; deploying the code", flush=True)
    return migrated.revision


def _migrate_new(target: DeployTarget, cloud: AwsClients, tools: DeployTools) -> str:
    """Run the migrations of a stack that was just created, and return the revision."""
    function = migration.find_function(cloud.cloudformation, target.stack)
    if function is None:
        raise DeployError(
            f"{target.stack} has no MigrateFunction, so the database was not migrated"
        )
    migrated = migration.run_migrations(cloud.functions, function, None, tools.sleep)
    _print_result(migrated)
    print(f"{target.stack}: the database is at {migrated.revision}")
    return migrated.revision


def _print_result(migrated: migration.Migrated) -> None:
    """Print what an administrator has to run, and where the database differs."""
    if migrated.for_administrator:
        is_needed = any(each.startswith("GRANT") for each in migrated.for_administrator)
        print(NEEDS_ADMINISTRATOR if is_needed else CAN_BE_SET, flush=True)
    for statement in migrated.for_administrator:
        print(f"  {statement};", flush=True)
    for each in migrated.differences:
        print(f"{each['resource']}: {each['subject']}: {each['message']}", flush=True)
        if each["line"]:
            print(f"  {each['line']}", flush=True)


def _print_target(target: DeployTarget, account: str, region: str, *, exists: bool) -> None:
    stack_state = "exists" if exists else "will be created"
    print(f"stage    {target.stage} of samconfig.toml")
    print(f"account  {account}")
    print(f"region   {region}")
    print(f"profile  {target.profile or 'default of boto3'}")
    print(f"stack    {target.stack}, which {stack_state}", flush=True)


def _change_set(target: DeployTarget, cloudformation: Any, tools: DeployTools) -> str | None:
    """Let SAM create and print a change set; return its id, or None without changes.

    Raise DeployError.
    """
    before = _change_sets(cloudformation, target.stack)
    if tools.sam(["--no-execute-changeset", "--no-confirm-changeset"]):
        raise DeployError("sam deploy did not create a change set; nothing has changed")
    fresh = _change_sets(cloudformation, target.stack) - before
    return next(iter(fresh), None)


def _delete_change_set(cloudformation: Any, stack: str, change_set: str) -> None:
    """Delete the change set, or say that it remains: the caller reports another error."""
    try:
        cloudformation.delete_change_set(ChangeSetName=change_set, StackName=stack)
    except (BotoCoreError, ClientError) as error:
        print(f"deploy: the change set {change_set} remains: {error}", file=sys.stderr)


def _stack(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """Return the stack, or None if it does not exist or has only a change set for its creation."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return (
        None if stack["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE") else dict(stack)
    )


def _parameters_of(stack: dict[str, Any] | None) -> dict[str, str]:
    """Return the stack's current parameters, which SAM keeps if they are not overridden."""
    parameters = stack.get("Parameters", []) if stack else []
    return {
        parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in parameters
    }


def _change_sets(cloudformation: Any, stack: str) -> set[str]:
    """Return the ids of the stack's change sets that can be executed."""
    pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=stack)
    try:
        found = [summary for page in pages for summary in page["Summaries"]]
    except ClientError as error:
        if "does not exist" in str(error):
            return set()
        raise
    return {
        summary["ChangeSetId"] for summary in found if summary["ExecutionStatus"] == "AVAILABLE"
    }


def _execute(
    cloudformation: Any, target: DeployTarget, change_set: str, sleep: Callable[[float], None]
) -> None:
    """Execute the change set and print the stack's events until it is done.

    Raise DeployError if it fails.
    """
    seen = {event["EventId"] for event in _events(cloudformation, target.stack, set())}
    more = {"DisableRollback": True} if target.disable_rollback else {}
    cloudformation.execute_change_set(ChangeSetName=change_set, StackName=target.stack, **more)
    failures: list[str] = []
    while True:
        for event in reversed(_events(cloudformation, target.stack, seen)):
            seen.add(event["EventId"])
            status, name = event["ResourceStatus"], event["LogicalResourceId"]
            reason = event.get("ResourceStatusReason", "")
            suffix = f": {reason}" if reason else ""
            print(f"  {event['Timestamp']:%H:%M:%S} {status:<28} {name}{suffix}", flush=True)
            if status.endswith("_FAILED"):
                failures.append(f"{name}: {reason}")
            of_stack = event["PhysicalResourceId"] == event["StackId"]
            if of_stack and not status.endswith("IN_PROGRESS"):
                if status in DONE:
                    return
                cause = failures[0] if failures else reason or "an unknown reason"
                raise DeployError(f"the stack is {status}, because of {cause}")
        sleep(POLL_SECONDS)


def _events(cloudformation: Any, stack: str, seen: set[str]) -> list[dict[str, Any]]:
    """Return the stack's new events, the newest first."""
    fresh: list[dict[str, Any]] = []
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if event["EventId"] in seen:
                return fresh
            fresh.append(event)
    return fresh


def _ask(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        raise DeployError(
            "not deployed: there is no input to confirm it; "
            "to deploy without confirmation: ARGS=--no-confirm-changeset"
        ) from None


def _session(target: DeployTarget) -> Any:
    import boto3

    return boto3.Session(profile_name=target.profile, region_name=target.region)


def main(
    arguments: list[str],
    session_of: Callable[[DeployTarget], Any] = _session,
    confirm: Callable[[str], bool] = _ask,
) -> int:
    """Deploy the stage that the arguments name, and return the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0], allow_abbrev=False)
    parser.add_argument("stage", help="a stage of samconfig.toml")
    parser.add_argument("--sam", default=str(ROOT / ".venv-sam/bin/sam"))
    parser.add_argument("--make", default="make")
    parser.add_argument("--accept-drift", action="store_true")
    options, more = parser.parse_known_args(arguments)
    command = [options.sam, "deploy", "--config-env", options.stage, *more]
    build = [options.make, "--no-print-directory", "build"]
    tools = DeployTools(
        build=lambda: subprocess.run(build, cwd=ROOT, check=False).returncode,
        sam=lambda added: subprocess.run([*command, *added], cwd=ROOT, check=False).returncode,
        confirm=confirm,
        accepts_drift=options.accept_drift,
    )
    try:
        app, default = application.current_name(), application.default_of_checkout()
        target = read_target(options.stage, more, other_app="" if app == default else app)
        session = session_of(target)
        if not session.region_name:
            raise DeployError(
                "no region is set: set it in samconfig.toml, AWS_REGION, "
                "or ARGS='--region eu-central-1'"
            )
        deploy(target, session.region_name, AwsClients.of(session), tools)
    except (DeployError, BotoCoreError, ClientError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("deploy: interrupted; CloudFormation continues what it has started", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
