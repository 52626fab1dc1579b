"""Imports of files: each belongs to the tenant that its key names."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from sluice.aws.client import AwsClient
from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.imports import file_keys
from sluice.imports.job import Importer
from sluice.imports.job_repository import ImportJobRepository
from sluice.imports.sqs_consumer import ImportConsumer
from sluice.imports.storage import ImportBucket
from sluice.query import Query
from sluice.sql.list_spec import ListQuery
from sluice.sql.page_cursor import CursorSigner
from tests.engine.tenants.lodge_client import Lodge, tenant
from tests.engine.tenants.tables import ONE, TWO

SIGNER = CursorSigner(b"x" * 16)
GUESTS = "SELECT house_id::text, email, name FROM lodge.guests WHERE email = 'new@x' ORDER BY 1"


@dataclass
class Files:
    """The objects of a bucket."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def stream(self, key: str, etag: str, start: int) -> Iterator[bytes]:
        yield self.contents[key][start:]

    def put(self, key: str, data: bytes, media_type: str) -> None:
        self.contents[key] = data


@dataclass(frozen=True)
class Imports:
    """Imports files as the worker does."""

    files: Files
    consumer: ImportConsumer
    jobs: ImportJobRepository

    def run(self, key: str, text: str) -> dict[str, Any]:
        """Upload a file, handle its event, and return its job as its tenant sees it."""
        self.files.contents[key] = text.encode()
        upload = {"key": key, "size": len(text), "eTag": key, "sequencer": "1"}
        self.consumer.handle(json.dumps({"Records": [{"s3": {"object": upload}}]}), 60)
        (found,) = [
            job | {"tenant": name}
            for name in (ONE, TWO, "")
            for job in self.of(name)
            if job["key"] == key
        ]
        return found

    def of(self, name: str) -> list[dict[str, Any]]:
        """Return the jobs that a tenant sees, with their keys."""
        with tenant(name):
            page = self.jobs.page(ListQuery(limit=100))
            jobs = json.loads(f"[{page.items}]")
            ids = [job["id"] for job in jobs]
            query = Query("SELECT id, object_key FROM sluice.import_jobs WHERE id = ANY(:ids)")
            keys = self.jobs._executor.read(query._replace(params={"ids": ids}))
        by_id = {row.id: row.object_key for row in keys}
        return [job | {"key": by_id[job["id"]]} for job in jobs]

    def rejected(self, job: dict[str, Any]) -> list[str]:
        """Return the rejected rows of a job: line, column, code and reason."""
        if not job["rejects_url"]:
            return []
        key = file_keys.report(job["id"], job["tenant"])
        return self.files.contents[key].decode().splitlines()[1:]


@pytest.fixture
def imports(lodge: Lodge) -> Iterator[Imports]:
    batch = Database(make_pool(lodge.runtime.settings.database, "batch"))
    files = Files()
    importer = Importer(batch.connection, cast("ImportBucket", files), SIGNER)
    jobs = ImportJobRepository(batch, SIGNER)
    yield Imports(files, ImportConsumer(importer, jobs, cast("AwsClient", None), ""), jobs)
    batch.dispose()
    lodge.sql("DELETE FROM sluice.import_rejects")
    lodge.sql("DELETE FROM sluice.import_jobs")


def key_of(resource: str, name: str, file: str = "a.csv") -> str:
    return f"{file_keys.folder(resource, name)}/{file}"


def test_rows_belong_to_the_tenant_of_the_key(lodge: Lodge, imports: Imports) -> None:
    for name, person in ((ONE, "Nora"), (TWO, "Nick"), (ONE, "Nina")):
        job = imports.run(key_of("guests", name, f"{person}.csv"), f"email,name\nnew@x,{person}\n")
        assert (job["status"], job["rows_written"]) == ("completed", 1)
    assert lodge.sql(GUESTS) == [[ONE, "new@x", "Nina"], [TWO, "new@x", "Nick"]]


@pytest.mark.parametrize("id", ["2", "4", "999"], ids=["foreign", "also foreign", "missing"])
def test_reference_to_another_tenant_is_unknown(lodge: Lodge, imports: Imports, id: str) -> None:
    job = imports.run(key_of("stays", ONE), f"guest_id,state\n{id},imported\n1,imported\n")
    assert (job["rows_written"], job["rows_rejected"]) == (1, 1)
    assert imports.rejected(job) == ["2,guest_id,unknown,does not exist"]
    found = lodge.sql("SELECT house_id::text, guest_id FROM lodge.stays WHERE state = 'imported'")
    assert found == [[ONE, 1]]


@pytest.mark.parametrize("id", ["2", "999"], ids=["foreign", "missing"])
def test_row_below_another_tenants_row_is_unknown(lodge: Lodge, imports: Imports, id: str) -> None:
    """An answer has the tenant of the stay of its remark."""
    job = imports.run(key_of("answers", ONE), f"remark_id,text\n{id},imported\n1,imported\n")
    assert imports.rejected(job) == ["2,remark_id,unknown,does not exist"]
    assert lodge.sql("SELECT remark_id FROM lodge.answers WHERE text = 'imported'") == [[1]]


def test_deleted_row_is_unknown(imports: Imports) -> None:
    job = imports.run(key_of("stays", ONE), "guest_id,state\n5,imported\n")
    assert imports.rejected(job) == ["2,guest_id,unknown,does not exist"]


@pytest.mark.parametrize("where", ["", "tenant=", "tenant=no-uuid/", f"x/tenant={ONE}/"])
def test_file_without_a_tenant_is_not_imported(lodge: Lodge, imports: Imports, where: str) -> None:
    job = imports.run(f"incoming/guests/{where}a.csv", "email,name\nnew@x,Nora\n")
    assert job["status"] == "failed"
    assert job["error"].startswith("its key names no tenant: upload it to incoming/guests/tenant=")
    assert [each["id"] for each in imports.of("")] == [job["id"]]
    assert lodge.sql(GUESTS) == []


def test_only_the_first_folder_names_the_tenant(lodge: Lodge, imports: Imports) -> None:
    key = f"incoming/guests/tenant={ONE}/tenant={TWO}/a.csv"
    imports.run(key, "email,name\nnew@x,Nora\n")
    assert lodge.sql(GUESTS) == [[ONE, "new@x", "Nora"]]


def test_rows_of_a_shared_resource_have_no_tenant(lodge: Lodge, imports: Imports) -> None:
    job = imports.run(key_of("countries", TWO), "code,name\nes,Spain\n")
    assert job["status"] == "completed"
    assert lodge.sql("SELECT name FROM lodge.countries WHERE code = 'es'") == [["Spain"]]


def test_jobs_are_those_of_the_tenant(imports: Imports) -> None:
    for name in (ONE, TWO):
        imports.run(key_of("guests", name), "email,name\nnew@x,Nora\n")
    seen = {name: [job["key"] for job in imports.of(name)] for name in (ONE, TWO, "")}
    assert seen == {ONE: [key_of("guests", ONE)], TWO: [key_of("guests", TWO)], "": []}
