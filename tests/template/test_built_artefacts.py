"""What `sam build` made, and whether it runs as it is: with nothing of this environment but what Lambda's image has.

Only `make test-build` runs these, right after a build: against an older one they would tell of code that is gone.
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
from tests.fixtures.aws import TABLES
from tests.fixtures.shop import CURSOR_KEY, Shop
from tests.fixtures.template import ROOT, function_of

BUILD = ROOT / ".aws-sam/build"
LAYER = BUILD / "SharedLayer/python"
LAYER_BUDGET = (
    60_000_000  # bytes; Lambda takes 250 MB with everything, but a cold start fetches what there is
)

CREATED = {
    "products_create",
    "users_create",
    "orders_place",
    "imports_create",
}  # every other event is answered 200
EVENTS = sorted((ROOT / "events").glob("*.json"))

pytestmark = [
    pytest.mark.skipif(
        "SLUICE_TEST_BUILD" not in os.environ, reason="needs a fresh `sam build`: make test-build"
    ),
    pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the build is for Python 3.13"),
]


def functions(database: DatabaseSettings) -> dict[str, LambdaFunction]:
    """The built functions, pointed at a database as a deployment's parameters would."""
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
    """Run one event in a cold sandbox; what the function logged is printed, for pytest to show where it fails."""

    async def once() -> InvocationResult:
        environment = {
            **function_env_vars(function, {}),
            "SLUICE_DB_PASSWORD": password,
            "SLUICE_ANALYST_PASSWORD": "canary-analyst",
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
            **TABLES,
            "PYTHONDONTWRITEBYTECODE": "1",  # nothing can be written next to the code in Lambda either
        }
        sandbox = Sandbox(function, environment, print)
        await sandbox.start()
        try:
            return await sandbox.invoke(Invocation(json.dumps(event).encode()))
        finally:
            await sandbox.stop()

    return asyncio.run(once())


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_a_built_function_answers_its_event(
    path: Path, shop: Shop, emulated_aws: AwsSettings
) -> None:
    rope = shop.add_product("Rope", category="garden", stock=10)
    shop.add_product("Bucket", category="garden", stock=10)
    shop.add_order(shop.add_user(), (rope, 1))
    shop.sql(
        "INSERT INTO sluice.import_jobs (resource, object_key) VALUES ('users', 'incoming/users/1/users.csv')"
    )
    database = runtime.current().settings.database  # the shop installed it; works as sluice_app
    event = json.loads(path.read_text())
    function = functions(database)[function_of(event)]
    result = invoke(function, event, database.password, emulated_aws.dynamodb_endpoint)
    assert result.error is None, result.payload
    answer = json.loads(result.payload)
    assert answer["statusCode"] == (201 if path.stem in CREATED else 200), answer


def test_the_built_migrations_make_the_schema_and_find_nothing_to_do_the_second_time(
    empty_database: str,
) -> None:
    owner = DatabaseSettings.from_url(empty_database)
    migrate = functions(owner)["MigrateFunction"]
    first, second = (invoke(migrate, {}, owner.password) for _ in range(2))
    assert first.error is None, first.payload
    assert json.loads(first.payload)["revision"] == json.loads(second.payload)["revision"]


def test_the_layer_holds_the_bytecode_of_every_module() -> None:
    sources = {path for path in LAYER.rglob("*.py") if "__pycache__" not in path.parts}
    compiled = {
        Path(importlib.util.source_from_cache(str(path)))
        for path in LAYER.rglob("*.cpython-313.pyc")
    }
    assert sources
    assert sources == compiled


def test_the_layers_bytecode_is_used_as_it_is() -> None:
    for path in LAYER.rglob("*.pyc"):
        header = path.read_bytes()[:8]
        assert header[:4] == importlib.util.MAGIC_NUMBER, path
        assert header[4:] == b"\x01\0\0\0", path  # by hash, and never checked: PEP 552


def test_the_layer_serves_both_architectures() -> None:
    extensions = {path.relative_to(LAYER) for path in LAYER.rglob("*.so")}
    intel = {path for path in extensions if path.name.endswith(".cpython-313-x86_64-linux-gnu.so")}
    assert intel
    arm = {path.with_name(path.name.replace("x86_64", "aarch64")) for path in intel}
    assert extensions == intel | arm


def test_the_layer_is_within_its_budget_and_has_nothing_that_lambda_has_or_nobody_needs() -> None:
    size = sum(path.stat().st_size for path in LAYER.parent.rglob("*") if path.is_file())
    assert size < LAYER_BUDGET, f"{size / 1e6:.1f} MB unzipped"
    unwanted = {"boto3", "botocore", "pydantic", "pip", "pytest", "moto", "alembic"}
    assert unwanted.isdisjoint(path.name for path in LAYER.iterdir())


def test_a_functions_package_is_its_own_file_and_no_more() -> None:
    own = (
        "MigrateFunction",
        "GraphqlFunction",
        "AnalyticsFunction",
    )  # which bring what no other needs
    packages = {path.name: path for path in BUILD.glob("*Function") if path.name not in own}
    assert packages
    for name, package in packages.items():
        more = ["openapi.json", "start.js"] if name == "DocsFunction" else []
        assert sorted(str(path.relative_to(package)) for path in package.rglob("*")) == [
            "handler.py",
            *more,
        ], name


def test_migrations_run_without_the_layer(empty_database: str) -> None:
    """A deployment runs them on the layer of the release before."""
    owner = DatabaseSettings.from_url(empty_database)
    alone = replace(functions(owner)["MigrateFunction"], layers=())
    result = invoke(alone, {}, owner.password)
    assert result.error is None, result.payload
    assert json.loads(result.payload)["revisions"].keys() == {"sluice", "shop"}


def test_the_graphql_package_brings_graphql_core_alone() -> None:
    names = {
        path.name
        for path in (BUILD / "GraphqlFunction").iterdir()
        if not path.name.endswith(".dist-info")
    }
    assert names == {"handler.py", "graphql", "__pycache__"}


def test_the_analytics_package_brings_what_reads_analysts_sql() -> None:
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


def test_the_tokens_layer_verifies_with_what_it_brings() -> None:
    """On this machine's architecture; the other's extensions lie beside, under names of their own."""
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
