"""The output of `sam build` for any application: it has that application, and works without others.

Only `make test-build` runs these tests. SLUICE_TEST_BUILD is the name of the application.
"""

import asyncio
import base64
import gzip
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.environment import function_env_vars
from local.postgres import PostgresServer
from local.runtime_api import Invocation
from local.sandbox import Sandbox
from local.template import LambdaFunction, SamTemplate, read_template
from scripts.derive.template import logical_id
from sluice import application
from sluice.settings import AwsSettings, DatabaseSettings
from testing.aws import TABLES
from tests.fixtures.aws import AddApiKey
from tests.fixtures.database import CURSOR_KEY, owner_connection
from tests.fixtures.template import ROOT

BUILD = ROOT / ".aws-sam/build"
APP = os.environ.get("SLUICE_TEST_BUILD", "")
IS_DEFAULT = application.default_of_checkout() == APP
EVENTS = sorted((ROOT / ("" if IS_DEFAULT else f"deploy/{APP}") / "events").glob("*.json"))
DEPLOYED = {path.parent.name for path in ROOT.glob("layers/shared/*/application.py")} - {"sluice"}
SCHEMA = ROOT / "tests/apps" / APP / "schema.sql"
HAS_MIGRATIONS = bool(APP) and (application.named(APP).folder / "migrations/versions").is_dir()

pytestmark = [
    pytest.mark.skipif(not APP, reason="needs a fresh `sam build`: make test-build"),
    pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the build is for Python 3.13"),
]
UNFILLED = """
    SELECT oid::regclass::text FROM pg_class WHERE relkind = 'm' AND NOT relispopulated ORDER BY oid
"""
needs_tables = pytest.mark.skipif(
    not (HAS_MIGRATIONS or SCHEMA.is_file()),
    reason=f"needs migrations, or {SCHEMA.relative_to(ROOT)}, which make adopt writes",
)


@pytest.mark.parametrize("folder", ["SharedLayer/python", "MigrateFunction"])
def test_package_has_one_application(folder: str) -> None:
    applications = {path.parent.name for path in (BUILD / folder).glob("*/application.py")}

    assert applications == {APP, "sluice"}
    assert (BUILD / folder / APP / "registry.py").is_file()
    assert (BUILD / folder / "sluice/errors.py").is_file()


def built(database: DatabaseSettings) -> SamTemplate:
    """Return the built template, with the parameters of a deployment on this database."""
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:local"
    parameters = {
        "DbHost": database.host,
        "DbPort": str(database.port),
        "DbName": database.name,
        "DbUser": database.user,
        "DbSecretArn": secret,
        "DbOwnerUser": database.user,
        "DbOwnerSecretArn": secret,
        "DbTls": "off",
    }
    path = BUILD / "template.yaml"
    return read_template(
        path, parameters=parameters, secret=lambda _: CURSOR_KEY.decode(), built=True
    )


def invoke(function: LambdaFunction, event: Any, **environ: str) -> Any:
    """Return the response of one event in a new sandbox."""

    async def once() -> Any:
        environment = function_env_vars(function, {}) | {"PYTHONDONTWRITEBYTECODE": "1"} | environ
        sandbox = Sandbox(function, environment, print)
        await sandbox.start()
        try:
            return await sandbox.invoke(Invocation(json.dumps(event).encode()))
        finally:
            await sandbox.stop()

    result = asyncio.run(once())
    assert result.error is None, result.payload
    return json.loads(result.payload)


def handle(event: dict[str, Any], database: DatabaseSettings, **environ: str) -> Any:
    """Invoke the function to which the template routes the event."""
    template = built(database)
    name = next(route.function for route in template.routes if route.key == event["routeKey"])
    return invoke(template.functions[name], event, **environ)


@pytest.mark.parametrize("name", ["docs", "openapi", "health"])
def test_service_needs_no_database(name: str) -> None:
    event = json.loads(next(path for path in EVENTS if path.stem == name).read_text())
    nowhere = DatabaseSettings("127.0.0.1", "x", "x")

    response = handle(event, nowhere)

    assert response["statusCode"] == 200
    if name == "openapi":
        body = gzip.decompress(base64.b64decode(response["body"]))
        docs = "functions/docs" if IS_DEFAULT else f"deploy/{APP}/docs"
        assert json.loads(body) == json.loads((ROOT / docs / "openapi.json").read_text())


def test_function_of_other_application_is_not_packaged() -> None:
    packages = {path.name for path in BUILD.glob("*Function")}
    others = {
        logical_id(function)
        for app in DEPLOYED - {APP}
        for function in application.named(app).functions
    }
    own = {logical_id(function) for function in application.named(APP).functions}

    assert own <= packages
    assert packages.isdisjoint(others - own)


@pytest.fixture(name="database", scope="module")
def database_of_application(postgres_server: PostgresServer) -> Iterator[DatabaseSettings]:
    """The owner's settings of a database with the tables of the application, and the grants."""
    url = postgres_server.url(database="built")
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("CREATE DATABASE built")
    if SCHEMA.is_file():
        with closing(owner_connection(url)) as connection:
            connection.run(SCHEMA.read_text())
    owner = DatabaseSettings.from_url(url)
    done = invoke(built(owner).functions["MigrateFunction"], {}, SLUICE_DB_PASSWORD=owner.password)
    assert ({"sluice", APP} if HAS_MIGRATIONS else {"sluice"}) <= done["revisions"].keys()
    with closing(owner_connection(url)) as connection:
        connection.run("ALTER ROLE sluice_app PASSWORD 'canary-app'")
        connection.run("ALTER ROLE sluice_analyst PASSWORD 'canary-analyst'")
        for (view,) in connection.run(UNFILLED) or ():
            connection.run(f"REFRESH MATERIALIZED VIEW {view}")
    yield owner
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("DROP DATABASE built WITH (FORCE)")


@needs_tables
@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_function_handles_its_event(
    path: Path, database: DatabaseSettings, emulated_aws: AwsSettings, add_api_key: AddApiKey
) -> None:
    """A row of an event may be missing, but nothing fails: the tables are empty."""
    event = json.loads(path.read_text())
    key = add_api_key("canary-built", *application.named(APP).all_scopes)
    event["headers"]["x-api-key"] = key
    as_app = database._replace(user="sluice_app")
    environ = {
        "SLUICE_DB_PASSWORD": "canary-app",
        "SLUICE_ANALYST_USER": "sluice_analyst",
        "SLUICE_ANALYST_PASSWORD": "canary-analyst",
        "AWS_ENDPOINT_URL_DYNAMODB": emulated_aws.dynamodb_endpoint,
        **TABLES,
    }

    response = handle(event, as_app, **environ)

    assert response["statusCode"] < 500, response
    assert response["statusCode"] not in (400, 401, 403, 405), response
    if path.stem.endswith("_list"):
        assert response["statusCode"] == 200
