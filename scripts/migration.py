"""The migration function of a stack: find it, give it new code, run it. It sleeps between two releases.

Lambda takes the network interfaces of a function in a VPC that was not called for weeks. The invocation that wakes it
fails, and the function is pending until it has new ones; so one failed invocation is repeated once it is active.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from scripts.target import DeployError

LONGEST_SECONDS = 300  # the function's own timeout
THEN = (1980, 1, 1, 0, 0, 0)  # the same files are the same package
# What Lambda says of a function that is idle, or gets its network interfaces or new code at the moment.
NOT_READY = frozenset(
    {"ResourceNotReadyException", "ResourceConflictException", "EC2ThrottledException"}
)
WAKE_SECONDS, WAKE_TRIES = 5.0, 60


def function_of(cloudformation: Any, stack: str) -> str | None:
    """Return the name of the stack's MigrateFunction; None where it has none. ClientError."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            is_there = not resource["ResourceStatus"].startswith("DELETE")
            if (
                resource["LogicalResourceId"] == "MigrateFunction"
                and is_there
                and resource.get("PhysicalResourceId")
            ):
                return str(resource["PhysicalResourceId"])
    return None


def package(folder: Path) -> bytes:
    """Return what was built, as Lambda takes it. Raises DeployError where nothing was."""
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


def run(functions: Any, name: str, code: bytes | None, pause: Callable[[float], None]) -> str:
    """Give the function `code`, if any, run the migrations, and return the revision. DeployError, ClientError."""
    _wait(functions, name, pause)
    if code is not None:
        functions.update_function_code(FunctionName=name, ZipFile=code)
        try:
            functions.get_waiter("function_updated_v2").wait(FunctionName=name)
        except WaiterError as error:
            raise DeployError(
                f"{name} does not take the new migrations ({error}); nothing else has changed"
            ) from error
        _wait(functions, name, pause)
    try:
        response = _invoke(functions, name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_READY:
            raise
        print(f"{name} was idle; Lambda gives it network interfaces again", flush=True)
        _wait(functions, name, pause)
        response = _invoke(functions, name)
    said = response["Payload"].read()
    if "FunctionError" in response:
        raise DeployError(
            f"the migrations failed, and no code has been deployed over them: {_told(said)}"
        )
    return str(json.loads(said)["revision"])


def _invoke(functions: Any, name: str) -> Any:
    return functions.invoke(FunctionName=name, Payload=b"{}")


def _wait(functions: Any, name: str, pause: Callable[[float], None]) -> None:
    """Wait while the function is pending. An idle one is left idle: only an invocation wakes it."""
    for _ in range(WAKE_TRIES):
        state = functions.get_function_configuration(FunctionName=name)
        if state.get("State", "Active") == "Failed":
            raise DeployError(
                f"{name} cannot run: {state.get('StateReason', 'Lambda gives no reason')}"
            )
        if state.get("State") != "Pending":
            return
        pause(WAKE_SECONDS)
    raise DeployError(
        f"{name} is still pending after {WAKE_SECONDS * WAKE_TRIES:.0f} s; nothing else has changed"
    )


def _told(said: bytes) -> str:
    """The function's own words: the type of its error and the message, without its traceback."""
    try:
        error = json.loads(said)
        return (
            f"{error['errorType']}: {error['errorMessage']}"
            if "errorType" in error
            else str(error["errorMessage"])
        )
    except (ValueError, KeyError, TypeError):
        return said.decode(errors="replace")
