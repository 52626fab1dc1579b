"""/api/imports: imports of CSV and JSON Lines files.

A client creates an import, uploads the file to the URL in the response, and then polls the import.
"""

import re
import secrets
from typing import Any

from sluice import request_context, runtime
from sluice.http import idempotency, responses
from sluice.http.body import BodySchema
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.router import Api
from sluice.imports import file_keys
from sluice.imports.job_repository import LIST_SPEC, NEW_IMPORT_PROJECTION, PROJECTION, RESOURCES
from sluice.kinds.choice import Choice
from sluice.kinds.text import Text
from sluice.sql.list_spec import ListQuery

NEW_IMPORT = BodySchema(
    [
        Choice("resource", RESOURCES),
        Choice("format", ("csv", "jsonl")),
        Text("filename", min_length=1, max_length=200, example="autumn.csv"),
    ],
    read_only=[name for name in NEW_IMPORT_PROJECTION.fields if name != "resource"],
)
REPORT = re.compile(r'"rejects_url":"rejects/(\d+)\.csv"')

handler = api = Api(runtime=runtime.current, scope="imports", cacheable=False)


@api.get("/api/imports", response=LIST_SPEC)
def list_imports(request: Request, query: ListQuery) -> Response:
    """List imports."""
    page = runtime.current().imports.page(query)
    return responses.page(
        request, page._replace(items=_with_presigned_urls(page.items)), query.limit
    )


@api.post("/api/imports", body=NEW_IMPORT, response=NEW_IMPORT_PROJECTION)
def create_import(request: Request, new: dict[str, Any]) -> Response:
    """Create an import. Upload the file with PUT to its `upload_url` within an hour."""
    current = runtime.current()
    object_key = _object_key(new)
    job = {
        "resource": new["resource"],
        "object_key": object_key,
        "upload_url": current.bucket.presigned_url(object_key, upload=True),
    }
    return idempotency.create(
        request,
        current.idempotency,
        NEW_IMPORT_PROJECTION.keys,
        lambda key: current.imports.create(job, key),
    )


@api.get("/api/imports/<id>", response=PROJECTION)
def get_import(request: Request, fields: frozenset[str] | None, id: int) -> Response:
    """Get the progress of an import, and the URL of the report of rejected rows."""
    record = runtime.current().imports.get_by_id((id,), fields)
    return responses.ok(request, record._replace(json=_with_presigned_urls(record.json)))


def _object_key(new: dict[str, Any]) -> str:
    """Return an unguessable key in the imports bucket, with a readable file name."""
    stem = re.sub(r"(\.(csv|jsonl|ndjson))?(\.gz)?$", "", new["filename"], flags=re.IGNORECASE)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")
    suffix = ".gz" if new["filename"].lower().endswith(".gz") else ""
    file = f"{name or 'file'}.{new['format']}{suffix}"
    folder = file_keys.folder_of_request(new["resource"])
    return f"{folder}/{secrets.token_hex(8)}/{file}"


def _with_presigned_urls(json: str) -> str:
    """Replace the names of reports by presigned URLs. They are in the folder of the tenant."""
    bucket, tenant = runtime.current().bucket, request_context.current().tenant

    def replaced(found: re.Match[str]) -> str:
        key = file_keys.report(int(found[1]), tenant)
        return f'"rejects_url":"{bucket.presigned_url(key)}"'

    return REPORT.sub(replaced, json)
