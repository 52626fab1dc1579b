"""Databases with the rows of two studios, or of one, and the API keys of both."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import boto3
import pytest

from local.postgres import PostgresServer
from sluice import application, runtime
from sluice.settings import AwsSettings
from tests.fixtures.aws import AddApiKey
from tests.fixtures.client import Client
from tests.fixtures.database import copy_database, owner_connection, runtime_settings
from tests.fixtures.imports import BUCKET
from tests.fixtures.studio import OTHER_STUDIO, STUDIO
from tests.fixtures.tenant_rows import TABLES, TenantDatabase
from tests.fixtures.two_tenants import Studios

KEYS = {"one": [STUDIO], "two": [OTHER_STUDIO], "both": [STUDIO, OTHER_STUDIO], "none": []}


@contextmanager
def studios(
    server: PostgresServer, template: str, emulated: AwsSettings, *ids: str, policies: bool
) -> Iterator[Studios]:
    """Create a database with the rows of these studios, and a runtime of it."""
    name = f"test_{os.urandom(6).hex()}"
    copy_database(server, template, name)
    endpoint = emulated.dynamodb_endpoint
    settings = runtime_settings(server.url("sluice_app", name, password="canary-app"), emulated)
    aws = emulated._replace(s3_endpoint=endpoint)
    built = runtime.build(settings._replace(aws=aws, imports_bucket=BUCKET, rls=policies))
    url = server.url(database=name)
    with closing(owner_connection(url)) as owner, closing(bucket_client(endpoint)) as s3:
        for table in TABLES if not policies else ():
            owner.run(f"ALTER TABLE studio.{table} DISABLE ROW LEVEL SECURITY")
        database = TenantDatabase(Client(url, headers={}, owner=owner), ids)
        yield Studios(database, built, s3)
    built.database.dispose()
    with closing(owner_connection(server.url())) as connection:
        connection.run(f"DROP DATABASE {name} WITH (FORCE)")


def bucket_client(endpoint: str) -> Any:
    """Create the bucket of imports, and return a client of S3."""
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    s3.create_bucket(Bucket=BUCKET)
    return s3


@pytest.fixture
def keys(add_api_key: AddApiKey) -> None:
    """Add the API keys of the studios."""
    for key, tenants in KEYS.items():
        value = {"SS": tenants} if tenants else {"NULL": True}
        scopes = application.current().all_scopes
        add_api_key(key, *scopes, tier={"S": "unlimited"}, tenants=value)


@pytest.fixture
def make_studios(
    postgres_server: PostgresServer,
    migrated_database: str,
    emulated_aws: AwsSettings,
    keys: None,
) -> Iterator[Callable[..., Studios]]:
    """Return `make_studios(*ids)`, which creates a database with the rows of these studios."""

    def make(*ids: str, policies: bool = True) -> Studios:
        return stack.enter_context(
            studios(postgres_server, migrated_database, emulated_aws, *ids, policies=policies)
        )

    with ExitStack() as stack:
        yield make
        runtime.set_current(None)
