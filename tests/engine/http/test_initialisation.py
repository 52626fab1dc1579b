"""What a function does while Lambda initialises it, before its first request."""

import json
import subprocess
import sys
from typing import Any

import pytest

from sluice import runtime
from tests.fixtures.aws import AddApiKey
from tests.fixtures.client import http_event
from tests.fixtures.lambda_environment import ROOT, lambda_environment
from tests.fixtures.sample import Library

# Imports a function as Lambda does, looks at what it holds, and sends it a request.
CHILD = """
import json, sys
from pathlib import Path
from tests.fixtures.client import HANDLERS, lambda_context
from sluice import runtime, tls
handler = HANDLERS["books"]
state = {
    "is_built": runtime._current is not None,
    "trust_stores": tls.trust_store.cache_info().currsize,
    "sockets": sum(fd.is_socket() for fd in Path("/proc/self/fd").iterdir()),
}
response = handler(json.loads(sys.argv[1]), lambda_context())
print(json.dumps(state | {"status": response["statusCode"], "body": response["body"]}))
"""


def initialise(event: dict[str, Any], environ: dict[str, str]) -> dict[str, Any]:
    """Return the function's state after its initialisation, and its first response."""
    process = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(event)],
        cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=True, timeout=60,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return result


@pytest.fixture
def event(library: Library, add_api_key: AddApiKey) -> dict[str, Any]:
    key = add_api_key(f"initialised {library.source_ip}", "library:read")
    return http_event("GET", "/api/books?limit=1", None, None, {"X-API-Key": key})


@pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency"])
def test_lambda_builds_the_runtime_without_a_connection(event: dict[str, Any], kind: str) -> None:
    environ = lambda_environment(runtime.current().settings, kind)
    result = initialise(event, environ)
    assert (result["is_built"], result["sockets"], result["status"]) == (True, 0, 200)


def test_lambda_reads_the_certificate_authorities(event: dict[str, Any]) -> None:
    environ = lambda_environment(runtime.current().settings, "on-demand")
    del environ["AWS_ENDPOINT_URL_DYNAMODB"]  # AWS's own is reached by TLS
    broken = environ | {"SLUICE_DB_TLS": "verify-full", "SLUICE_DB_PORT": "1"}
    without_key = {**event, "headers": {}}
    result = initialise(without_key, broken)
    assert (result["is_built"], result["trust_stores"], result["status"]) == (True, 1, 401)


def test_outside_of_lambda_the_first_request_builds_it(event: dict[str, Any]) -> None:
    environ = lambda_environment(runtime.current().settings, "on-demand")
    del environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
    result = initialise(event, environ)
    assert (result["is_built"], result["status"]) == (False, 200)


@pytest.mark.parametrize(
    ("name", "value"), [("SLUICE_DB_PORT", "none"), ("SLUICE_DB_CA_FILE", "/missing.pem")]
)
def test_the_first_request_reports_invalid_settings(
    event: dict[str, Any], name: str, value: str
) -> None:
    environ = lambda_environment(runtime.current().settings, "on-demand")
    result = initialise(event, environ | {"SLUICE_DB_TLS": "verify-full", name: value})
    assert (result["is_built"], result["status"]) == (False, 500)
    assert json.loads(result["body"])["code"] == "internal_error"
