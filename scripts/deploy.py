"""Deploys what `sam build` built: migrations first, then the code. `make deploy STAGE=production` builds before.

    1. The stack's migration function gets the new migrations, and runs them. If they fail, nothing else has changed.
    2. `sam deploy` brings everything else; in production a canary that alarms turn back.

Migrations only add, so the code that is running goes on working between the two, and where a canary is turned back.
A stack that is not there yet is made first and migrated then.
"""

import argparse
import io
import json
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BUILT = ROOT / ".aws-sam/build/MigrateFunction"
LONGEST = 300  # seconds; the migration function's own time
THEN = (1980, 1, 1, 0, 0, 0)  # the same files are the same package


class DeployError(Exception):
    """It cannot go on; the message says where it stopped."""


def stack_name(samconfig: Mapping[str, Any], stage: str) -> str:
    """As SAM finds it: of this environment's `deploy`, or of all its commands. Raises DeployError."""
    for command in ("deploy", "global"):
        name = samconfig.get(stage, {}).get(command, {}).get("parameters", {}).get("stack_name")
        if name:
            return str(name)
    raise DeployError(f"samconfig.toml has no stack_name for {stage}")


def migrate_function(cloudformation: Any, stack: str) -> str | None:
    """The name of the stack's migration function; None where there is no such stack. ClientError where AWS says no."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    try:
        for page in pages:
            for resource in page["StackResourceSummaries"]:
                if resource["LogicalResourceId"] == "MigrateFunction":
                    return str(resource["PhysicalResourceId"])
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None


def package(folder: Path) -> bytes:
    """What was built, as Lambda takes it."""
    if not folder.is_dir():
        raise DeployError(f"{folder} is not there: make build")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), THEN)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return packed.getvalue()


def update(client: Any, function: str, code: bytes) -> None:
    """Give `function` this code, and wait until it has it."""
    client.update_function_code(FunctionName=function, ZipFile=code)
    client.get_waiter("function_updated_v2").wait(FunctionName=function)


def migrate(client: Any, function: str) -> str:
    """Run the migrations; the revision the database is at. Raises DeployError with what the function said."""
    answer = client.invoke(FunctionName=function, Payload=b"{}")
    said = answer["Payload"].read()
    if "FunctionError" in answer:
        raise DeployError(f"the migrations failed, and no code has been deployed over them: {said.decode()}")
    return str(json.loads(said)["revision"])


def deploy(stack: str, cloudformation: Any, functions: Any, sam: Callable[[], int], built: Path = BUILT) -> str:
    """Both steps, in their order; the revision."""
    there = migrate_function(cloudformation, stack)
    revision = ""
    if there:
        update(functions, there, package(built))
        revision = migrate(functions, there)
        print(f"{stack}: the database is at {revision}; now the code", flush=True)
    if sam():
        raise DeployError(f"sam deploy failed; the database is at {revision or 'no revision yet'}")
    if not there:
        made = migrate_function(cloudformation, stack)
        if made is None:
            raise DeployError(f"{stack} was not deployed")
        revision = migrate(functions, made)
        print(f"{stack}: the database is at {revision}")
    return revision


def main(arguments: list[str] | None = None) -> int:
    import boto3
    from botocore.config import Config

    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("stage", help="an environment of samconfig.toml")
    parser.add_argument("--sam", default=str(ROOT / ".venv-sam/bin/sam"))
    options, more = parser.parse_known_args(arguments)
    config = Config(read_timeout=LONGEST + 10, retries={"max_attempts": 0})  # migrations are not asked for twice
    try:
        stack = stack_name(tomllib.loads((ROOT / "samconfig.toml").read_text()), options.stage)
        command = [options.sam, "deploy", "--config-env", options.stage, *more]
        deploy(
            stack,
            boto3.client("cloudformation"),
            boto3.client("lambda", config=config),
            lambda: subprocess.run(command, cwd=ROOT, check=False).returncode,
        )
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
