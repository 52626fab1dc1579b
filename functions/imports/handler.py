"""/api/imports: files of rows. Announce one and put it where the answer says, then ask what became of it."""

import re
import secrets
from dataclasses import replace
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema, Choice, Text
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.repositories.import_jobs import LIST_SPEC, NEW_IMPORT_PROJECTION, PROJECTION, RESOURCES
from sluice.repositories.list_spec import ListQuery

NEW_IMPORT = BodySchema(
    {
        "resource": Choice(RESOURCES, example="products"),
        "format": Choice(("csv", "jsonl"), example="csv"),
        "filename": Text(200, example="autumn.csv"),
    },
    read_only=[name for name in NEW_IMPORT_PROJECTION.fields if name != "resource"],
)
REPORT = re.compile(r'"rejects_url":"(rejects/\d+\.csv)"')

handler = api = Api(runtime=runtime.current, scope="imports", cacheable=False)


@api.get("/api/imports", response=LIST_SPEC)
def list_imports(request: Request, query: ListQuery) -> Response[str]:
    """List imports, a page at a time."""
    page = runtime.current().imports.page(query)
    return responses.page(request, replace(page, items=_with_addresses(page.items)), query.limit)


@api.post("/api/imports", body=NEW_IMPORT, response=NEW_IMPORT_PROJECTION)
def announce_import(request: Request, new: dict[str, Any]) -> Response[str]:
    """Announce an import: the file is to be PUT to the address in the answer, within the hour."""
    shop, key = runtime.current(), _object_key(new)
    job = {
        "resource": new["resource"],
        "object_key": key,
        "upload_url": shop.bucket.presigned_url(key, upload=True),
    }
    return idempotency.create(request, shop.idempotency, lambda key: shop.imports.create(job, key))


@api.get("/api/imports/<id>", response=PROJECTION)
def get_import(request: Request, fields: frozenset[str] | None, id: int) -> Response[str]:
    """Get an import: how far it is, and where what was rejected can be read."""
    record = runtime.current().imports.get_by_id(id, fields)
    return responses.ok(request, replace(record, json=_with_addresses(record.json)))


def _object_key(new: dict[str, Any]) -> str:
    stem = re.sub(r"(\.(csv|jsonl|ndjson))?(\.gz)?$", "", new["filename"], flags=re.IGNORECASE)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")
    packed = ".gz" if new["filename"].lower().endswith(".gz") else ""
    return f"incoming/{new['resource']}/{secrets.token_hex(8)}/{name or 'file'}.{new['format']}{packed}"


def _with_addresses(json: str) -> str:
    bucket = runtime.current().bucket
    return REPORT.sub(lambda report: f'"rejects_url":"{bucket.presigned_url(report[1])}"', json)
