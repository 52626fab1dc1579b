"""Deploys a stack: build, change set, migrations, code. `make deploy STAGE=production`.

    1. Prints the account, region and stack, and refuses what could not work.
    2. `make build`, then `sam deploy --no-execute-changeset`, which shows what would change. You confirm it.
    3. The stack's migration function gets the new migrations, and runs them. If they fail, nothing else has changed.
    4. The change set is executed; in production a canary that alarms turn back.

Migrations only add, so the code that is running goes on working between 3 and 4, and if a canary is turned back. A
stack that is not there yet is created first and migrated then.
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
from scripts.target import ROOT, DeployError, Target, check_certificate, read

BUILT = ROOT / ".aws-sam/build/MigrateFunction"
POLL_SECONDS = 5.0
DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@dataclass(frozen=True, slots=True)
class Cloud:
    """The account's services, by clients of one session."""

    cloudformation: Any
    functions: Any
    sts: Any

    @classmethod
    def of(cls, session: Any) -> "Cloud":
        from botocore.config import Config

        # A migration is not asked for twice by a client that only lost patience.
        patient = Config(read_timeout=migration.LONGEST_SECONDS + 10, retries={"max_attempts": 0})
        return cls(
            session.client("cloudformation"),
            session.client("lambda", config=patient),
            session.client("sts"),
        )


@dataclass(frozen=True, slots=True)
class Tools:
    """What a deployment runs and asks. `build` and `sam` return an exit code; `confirm` whether to go on."""

    build: Callable[[], int]
    sam: Callable[[Sequence[str]], int]
    confirm: Callable[[str], bool]
    pause: Callable[[float], None] = time.sleep
    built: Path = BUILT


def deploy(target: Target, region: str, cloud: Cloud, tools: Tools) -> str:
    """Deploy, and return the revision that the database is at. Raises DeployError, and boto3's errors."""
    account = cloud.sts.get_caller_identity()["Account"]
    existing = _stack(cloud.cloudformation, target.stack)
    _print_target(target, account, region, exists=existing is not None)
    check_certificate({**_parameters_of(existing), **target.parameters})
    if tools.build():
        raise DeployError("the build failed; nothing has changed")
    change_set = _change_set(target, cloud.cloudformation, tools)
    question = f"Deploy these changes to {target.stack} in account {account}, region {region}?"
    if change_set and target.confirms and not tools.confirm(question):
        cloud.cloudformation.delete_change_set(ChangeSetName=change_set, StackName=target.stack)
        raise DeployError("not deployed: nothing has changed, and the database was not migrated")
    function = migration.function_of(cloud.cloudformation, target.stack) if existing else None
    revision = ""
    if function:
        revision = migration.run(
            cloud.functions, function, migration.package(tools.built), tools.pause
        )
        print(f"{target.stack}: the database is at {revision}; now the code", flush=True)
    if change_set:
        try:
            _execute(cloud.cloudformation, target, change_set, tools.pause)
        except DeployError as error:
            raise DeployError(
                f"{error}; the database is at {revision or 'no revision yet'}"
            ) from error
    if not function:
        made = migration.function_of(cloud.cloudformation, target.stack)
        if made is None:
            raise DeployError(
                f"{target.stack} has no MigrateFunction, so the database was not migrated"
            )
        revision = migration.run(cloud.functions, made, None, tools.pause)
        print(f"{target.stack}: the database is at {revision}")
    return revision


def _print_target(target: Target, account: str, region: str, *, exists: bool) -> None:
    print(f"environment  {target.stage} of samconfig.toml")
    print(f"account      {account}")
    print(f"region       {region}")
    print(f"profile      {target.profile or 'as boto3 finds it'}")
    print(
        f"stack        {target.stack}, which {'exists' if exists else 'will be created'}",
        flush=True,
    )


def _change_set(target: Target, cloudformation: Any, tools: Tools) -> str | None:
    """Have SAM make a change set and show it; return its id. None where nothing would change. Raises DeployError."""
    before = _change_sets(cloudformation, target.stack)
    if tools.sam(["--no-execute-changeset", "--no-confirm-changeset"]):
        raise DeployError("sam deploy made no change set; nothing has changed")
    fresh = _change_sets(cloudformation, target.stack) - before
    return next(iter(fresh), None)


def _stack(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """The stack; None where there is none, or only the shell of one that was never created."""
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
    """Those that the stack has now, which SAM takes again where nothing overrides them."""
    given = stack.get("Parameters", []) if stack else []
    return {parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in given}


def _change_sets(cloudformation: Any, stack: str) -> set[str]:
    """The ids of those that can be executed; none where there is no stack."""
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
    cloudformation: Any, target: Target, change_set: str, pause: Callable[[float], None]
) -> None:
    """Execute the change set and print what happens until the stack is done. Raises DeployError where it fails."""
    seen = {event["EventId"] for event in _events(cloudformation, target.stack, set())}
    more = {"DisableRollback": True} if target.disables_rollback else {}
    cloudformation.execute_change_set(ChangeSetName=change_set, StackName=target.stack, **more)
    failures: list[str] = []
    while True:
        for event in reversed(_events(cloudformation, target.stack, seen)):
            seen.add(event["EventId"])
            status, name = event["ResourceStatus"], event["LogicalResourceId"]
            reason = event.get("ResourceStatusReason", "")
            print(
                f"  {event['Timestamp']:%H:%M:%S} {status:<28} {name}{f': {reason}' if reason else ''}",
                flush=True,
            )
            if status.endswith("_FAILED"):
                failures.append(f"{name}: {reason}")
            if event["PhysicalResourceId"] == event["StackId"] and not status.endswith(
                "IN_PROGRESS"
            ):
                if status in DONE:
                    return
                why = failures[0] if failures else reason or "without a reason"
                raise DeployError(f"the stack is {status}, because of {why}")
        pause(POLL_SECONDS)


def _events(cloudformation: Any, stack: str, seen: set[str]) -> list[dict[str, Any]]:
    """The stack's events, the newest first, as far as they are new."""
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
            "not deployed: nobody is there to confirm; ARGS=--no-confirm-changeset asks nothing"
        ) from None


def _session(target: Target) -> Any:
    import boto3

    return boto3.Session(profile_name=target.profile, region_name=target.region)


def main(
    arguments: list[str],
    session_of: Callable[[Target], Any] = _session,
    confirm: Callable[[str], bool] = _ask,
) -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0], allow_abbrev=False)
    parser.add_argument("stage", help="an environment of samconfig.toml")
    parser.add_argument("--sam", default=str(ROOT / ".venv-sam/bin/sam"))
    parser.add_argument("--make", default="make")
    options, more = parser.parse_known_args(arguments)
    command = [options.sam, "deploy", "--config-env", options.stage, *more]
    build = [options.make, "--no-print-directory", "build"]
    tools = Tools(
        build=lambda: subprocess.run(build, cwd=ROOT, check=False).returncode,
        sam=lambda added: subprocess.run([*command, *added], cwd=ROOT, check=False).returncode,
        confirm=confirm,
    )
    try:
        target = read(options.stage, more)
        session = session_of(target)
        if not session.region_name:
            raise DeployError(
                "no region is set: give one in samconfig.toml, AWS_REGION, or ARGS='--region eu-central-1'"
            )
        deploy(target, session.region_name, Cloud.of(session), tools)
    except (DeployError, BotoCoreError, ClientError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("deploy: interrupted; what CloudFormation has begun goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
