"""Import files from an emulated bucket into the tests' shop, in this process."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from sluice import runtime
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.imports.job import Importer
from sluice.imports.job_repository import ImportJobRepository
from sluice.imports.storage import ImportBucket
from sluice.settings import AwsSettings
from sluice.sql.page_cursor import CursorSigner
from tests.fixtures.shop import Shop
from tests.functions.conftest import isolated_shop, shared_shop, shop

__all__ = ["isolated_shop", "shared_shop", "shop"]

BUCKET = "imports"


@dataclass
class ImportHarness:
    """Uploads files, imports them, and reads the jobs and reports."""

    shop: Shop
    importer: Importer
    jobs: ImportJobRepository
    s3: Any

    def put(self, key: str, data: bytes) -> int:
        """Upload a file and return the id of its import."""
        etag = self.s3.put_object(Bucket=BUCKET, Key=key, Body=data)["ETag"].strip('"')
        return self.jobs.upsert_for_object(
            key.split("/")[1], key, etag, os.urandom(8).hex(), len(data)
        )

    def job(self, id: int) -> dict[str, Any]:
        return dict(json.loads(self.jobs.get_by_id(id).json))

    def rejects(self, id: int) -> list[tuple[int, str, str]]:
        """Return line, column and code of each rejection in the report."""
        try:
            text = (
                self.s3.get_object(Bucket=BUCKET, Key=f"rejects/{id}.csv")["Body"].read().decode()
            )
        except self.s3.exceptions.NoSuchKey:
            return []
        header, *lines = [line.split(",", 3) for line in text.splitlines()]
        assert header == ["line", "column", "code", "reason"]
        return [(int(line), column, code) for line, column, code, _ in lines]

    def load(
        self, data: bytes | str, resource: str = "products", name: str = "file.csv"
    ) -> dict[str, Any]:
        """Import a file to its end and return the job."""
        key = f"incoming/{resource}/{os.urandom(4).hex()}-{name}"
        id = self.put(key, data.encode() if isinstance(data, str) else data)
        assert self.importer.run(id, 60.0)
        return self.job(id)


@pytest.fixture
def harness(shop: Shop, emulated_aws: AwsSettings) -> Iterator[ImportHarness]:
    shop.sql("DELETE FROM sluice.import_jobs")
    with import_harness(emulated_aws, shop) as harness:
        yield harness


@contextmanager
def import_harness(emulated_aws: AwsSettings, shop: Shop) -> Iterator[ImportHarness]:
    """Import into this shop, with the database of the current runtime."""
    endpoint = emulated_aws.dynamodb_endpoint
    keys = {
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
        "region_name": "us-east-1",
    }
    s3 = boto3.client("s3", endpoint_url=endpoint, **keys)
    s3.create_bucket(Bucket=BUCKET)
    here = runtime.current()
    batch = Database(make_engine(here.settings.database, "batch"))
    bucket = ImportBucket(replace(emulated_aws, s3_endpoint=endpoint), BUCKET)
    yield ImportHarness(
        shop,
        Importer(batch.connection, bucket),
        ImportJobRepository(here.database, CursorSigner(b"x" * 16)),
        s3,
    )
    batch.dispose()
    s3.close()
