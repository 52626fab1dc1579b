"""The output of `sam build`, run with only the modules that Lambda's image has.

Only `make test-build` runs these tests, right after a build; an older build would contain old code.
"""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.environment import function_env_vars
from local.invocation_result import InvocationResult
from local.runtime_api import Invocation
from local.sandbox import Sandbox
from local.template import LambdaFunction, read_template
from sluice import runtime
from sluice.settings import AwsSettings, DatabaseSettings
from testing.aws import TABLES
from tests.fixtures.database import CURSOR_KEY
from tests.fixtures.shop import Shop
from tests.fixtures.template import ROOT, function_of

BUILD = ROOT / ".aws-sam/build"
LAYER = BUILD / "SharedLayer/python"
# In bytes. Lambda's limit is 250 MB in all, but a cold start fetches the whole layer.
LAYER_BUDGET = 60_000_000

CREATED = {
    "categories_create",
    "products_create",
    "users_create",
    "orders_place",
    "imports_create",
}  # events with status 201; all others have 200
EVENTS = sorted((ROOT / "events").glob("*.json"))

pytestmark = [
    pytest.mark.skipif(
        "SLUICE_TEST_BUILD" not in os.environ, reason="needs a fresh `sam build`: make test-build"
    ),
    pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the build is for Python 3.13"),
]


def functions(database: DatabaseSettings) -> dict[str, LambdaFunction]:
    """Return the built functions, with the parameters of a deployment on this database."""
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:local"
    parameters = {
        "DbHost": database.host,
        "DbPort": str(database.port),
        "DbName": database.name,
        "DbUser": database.user,
        "DbSecretArn": secret,
        "DbOwnerUser": database.user,
        "DbOwnerSecretArn": secret,
        "AnalystSecretArn": secret,
        "DbTls": "off",
    }
    template = read_template(
        BUILD / "template.yaml",
        parameters=parameters,
        secret=lambda _: CURSOR_KEY.decode(),
        built=True,
    )
    return dict(template.functions)


def invoke(
    function: LambdaFunction, event: Any, password: str, dynamodb: str = ""
) -> InvocationResult:
    """Run one event in a new sandbox; print the function's log, which pytest shows on a failure."""

    async def once() -> InvocationResult:
        environment = {
            **function_env_vars(function, {}),
            "SLUICE_DB_PASSWORD": password,
            "SLUICE_ANALYST_PASSWORD": "canary-analyst",
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
            **TABLES,
            "PYTHONDONTWRITEBYTECODE": "1",  # the code's folder is read-only in Lambda, too
        }
        sandbox = Sandbox(function, environment, print)
        await sandbox.start()
        try:
            return await sandbox.invoke(Invocation(json.dumps(event).encode()))
        finally:
            await sandbox.stop()

    return asyncio.run(once())


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_built_function_handles_its_event(
    path: Path, isolated_shop: Shop, emulated_aws: AwsSettings
) -> None:
    rope = isolated_shop.add_product("Rope", category="garden", stock=10)
    isolated_shop.add_product("Bucket", category="garden", stock=10)
    for category in ("tableware", "stationery"):  # of the events' products
        isolated_shop.add_category(category)
    isolated_shop.add_order(isolated_shop.add_user(), (rope, 1))
    isolated_shop.sql(
        """
        INSERT INTO sluice.import_jobs (resource, object_key)
        VALUES ('users', 'incoming/users/1/users.csv')
        """
    )
    database = runtime.current().settings.database  # set by the fixture, as sluice_app
    event = json.loads(path.read_text())
    function = functions(database)[function_of(event)]
    result = invoke(function, event, database.password, emulated_aws.dynamodb_endpoint)
    assert result.error is None, result.payload
    response = json.loads(result.payload)
    assert response["statusCode"] == (201 if path.stem in CREATED else 200), response


def test_built_migrations_are_idempotent(
    empty_database: str,
) -> None:
    owner = DatabaseSettings.from_url(empty_database)
    migrate = functions(owner)["MigrateFunction"]
    first, second = (invoke(migrate, {}, owner.password) for _ in range(2))
    assert first.error is None, first.payload
    assert json.loads(first.payload)["revision"] == json.loads(second.payload)["revision"]


def test_layer_contains_all_bytecode() -> None:
    sources = {path for path in LAYER.rglob("*.py") if "__pycache__" not in path.parts}
    compiled = {
        Path(importlib.util.source_from_cache(str(path)))
        for path in LAYER.rglob("*.cpython-313.pyc")
    }
    assert sources
    assert sources == compiled


def test_layer_bytecode_is_unchecked_hash_based() -> None:
    for path in LAYER.rglob("*.pyc"):
        header = path.read_bytes()[:8]
        assert header[:4] == importlib.util.MAGIC_NUMBER, path
        assert header[4:] == b"\x01\0\0\0", path  # an unchecked hash-based pyc: PEP 552


def test_layer_supports_both_architectures() -> None:
    extensions = {path.relative_to(LAYER) for path in LAYER.rglob("*.so")}
    intel = {path for path in extensions if path.name.endswith(".cpython-313-x86_64-linux-gnu.so")}
    assert intel
    arm = {path.with_name(path.name.replace("x86_64", "aarch64")) for path in intel}
    assert extensions == intel | arm


def test_layer_size_and_excluded_packages() -> None:
    size = sum(path.stat().st_size for path in LAYER.parent.rglob("*") if path.is_file())
    assert size < LAYER_BUDGET, f"{size / 1e6:.1f} MB unzipped"
    unwanted = {"boto3", "botocore", "pydantic", "pip", "pytest", "moto", "alembic"}
    assert unwanted.isdisjoint(path.name for path in LAYER.iterdir())


DOCS_FILES = (
    "LICENSES.md",
    "handler.py",
    "openapi.json",
    "page.css",
    "rapidoc-min.js.gz.base64",
    "reference.js",
    "start.js",
)


def test_function_package_is_one_file() -> None:
    own = (
        "MigrateFunction",
        "GraphqlFunction",
        "AnalyticsFunction",
    )  # these contain libraries that other functions do not need
    packages = {path.name: path for path in BUILD.glob("*Function") if path.name not in own}
    assert packages
    for name, package in packages.items():
        files = DOCS_FILES if name == "DocsFunction" else ("handler.py",)
        found = sorted(str(path.relative_to(package)) for path in package.rglob("*"))
        assert found == list(files), name


def test_migrations_run_without_the_layer(empty_database: str) -> None:
    """A deployment runs them with the previous release's layer."""
    owner = DatabaseSettings.from_url(empty_database)
    alone = replace(functions(owner)["MigrateFunction"], layers=())
    result = invoke(alone, {}, owner.password)
    assert result.error is None, result.payload
    assert json.loads(result.payload)["revisions"].keys() == {"sluice", "shop"}


def test_graphql_package_adds_only_graphql_core() -> None:
    names = {
        path.name
        for path in (BUILD / "GraphqlFunction").iterdir()
        if not path.name.endswith(".dist-info")
    }
    assert names == {"handler.py", "graphql", "__pycache__"}


def test_analytics_package_adds_only_pgparse() -> None:
    names = {
        path.name
        for path in (BUILD / "AnalyticsFunction").iterdir()
        if not path.name.endswith(".dist-info")
    }
    extensions = {
        f"pgparse.cpython-313-{machine}-linux-gnu.so" for machine in ("x86_64", "aarch64")
    }
    assert names == {"handler.py", "__pycache__"} | extensions
    assert not list(LAYER.glob("pgparse*"))


def test_tokens_layer_verifies_a_token() -> None:
    """It runs on this machine's architecture; the other one's extensions have other file names."""
    program = """
from cryptography.hazmat.primitives.asymmetric import ec
import jwt
key = ec.generate_private_key(ec.SECP256R1())
token = jwt.encode({"sub": "ada"}, key, algorithm="ES256")
print(jwt.decode(token, key.public_key(), algorithms=["ES256"])["sub"], jwt.__file__)
"""
    layers = f"{BUILD / 'TokensLayer/python'}:{LAYER}"
    run = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": layers},
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.split() == ["ada", str(BUILD / "TokensLayer/python/jwt/__init__.py")]
    extensions = [path.name for path in (BUILD / "TokensLayer").rglob("*.so")]
    assert sorted(name.split("-313-")[1] for name in extensions) == sorted(
        ["aarch64-linux-gnu.so", "x86_64-linux-gnu.so"] * (len(extensions) // 2)
    )
