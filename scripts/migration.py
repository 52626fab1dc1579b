"""Find the migration function of a stack, update its code, and run it.

The function is not called between two releases. If a function in a VPC was not called for weeks,
Lambda removes its network interfaces. The next invocation fails, and the function is pending until
it has new interfaces. So a failed invocation is repeated once when the function is active again.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import ClientError, WaiterError

from scripts.target import DeployError

TIMEOUT_SECONDS = 300  # the timeout of the function
ZIP_TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # constant, so that the same files are the same package
# Errors of Lambda for a function that is idle, or that gets network interfaces or new code.
NOT_READY = frozenset(
    {"ResourceNotReadyException", "ResourceConflictException", "EC2ThrottledException"}
)
POLL_SECONDS = 5.0
MAX_POLLS = 60


def find_function(cloudformation: Any, stack: str) -> str | None:
    """Return the name of the stack's MigrateFunction; None if it has none. Raises ClientError."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            is_deleted = resource["ResourceStatus"].startswith("DELETE")
            name = resource.get("PhysicalResourceId")
            if resource["LogicalResourceId"] == "MigrateFunction" and name and not is_deleted:
                return str(name)
    return None


def build_package(folder: Path) -> bytes:
    """Return the files of a build as a ZIP archive. Raises DeployError if there is no build."""
    if not folder.is_dir():
        raise DeployError(f"{folder} does not exist: run make build")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), ZIP_TIMESTAMP)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


class Migrated(NamedTuple):
    """The result of the migrations.

    for_administrator: the statements that the owner may not run.
    differences: where the database differs from the declarations.
    """

    revision: str
    for_administrator: Sequence[str]
    differences: Sequence[Mapping[str, str]]


def run_migrations(
    client: Any, name: str, code: bytes | None, sleep: Callable[[float], None]
) -> Migrated:
    """Update the function's code, if `code` is given, and run it.

    `client` is boto3's client of Lambda. Raises DeployError and ClientError.
    """
    _wait_while_pending(client, name, sleep)
    if code is not None:
        _update_code(client, name, code)
        _wait_while_pending(client, name, sleep)
    try:
        response = _invoke(client, name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_READY:
            raise
        print(f"{name} was idle; waiting for Lambda to create its network interfaces", flush=True)
        _wait_while_pending(client, name, sleep)
        response = _invoke(client, name)
    payload = response["Payload"].read()
    if "FunctionError" in response:
        raise DeployError(
            f"the migrations failed, and no code was deployed: {_error_message(payload)}"
        )
    result = json.loads(payload)
    return Migrated(str(result["revision"]), result["for_administrator"], result["differences"])


def _update_code(client: Any, name: str, code: bytes) -> None:
    client.update_function_code(FunctionName=name, ZipFile=code)
    try:
        client.get_waiter("function_updated_v2").wait(FunctionName=name)
    except WaiterError as error:
        raise DeployError(
            f"{name} could not be updated with the new migrations ({error}); nothing else changed"
        ) from error


def _invoke(client: Any, name: str) -> Any:
    return client.invoke(FunctionName=name, Payload=b"{}")


def _wait_while_pending(client: Any, name: str, sleep: Callable[[float], None]) -> None:
    """Wait while the function is pending. An idle function is not pending: invoke it directly."""
    for _ in range(MAX_POLLS):
        configuration = client.get_function_configuration(FunctionName=name)
        state = configuration.get("State", "Active")
        if state == "Failed":
            reason = configuration.get("StateReason", "Lambda has no reason")
            raise DeployError(f"{name} cannot run: {reason}")
        if state != "Pending":
            return
        sleep(POLL_SECONDS)
    seconds = POLL_SECONDS * MAX_POLLS
    raise DeployError(f"{name} is still pending after {seconds:.0f} s; nothing else changed")


def _error_message(payload: bytes) -> str:
    """Return the type and the message of the function's error, without its traceback."""
    try:
        error = json.loads(payload)
        message = str(error["errorMessage"])
        return f"{error['errorType']}: {message}" if "errorType" in error else message
    except (ValueError, KeyError, TypeError):
        return payload.decode(errors="replace")
