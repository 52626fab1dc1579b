"""The keys of files in the imports bucket: `incoming/<resource>/…`, and `rejects/…` for reports.

In an application with tenants the next folder is `tenant=<id>`, percent-encoded. A file of a
resource with tenants must have it. No other folder of the key counts.
"""

from typing import NamedTuple
from urllib.parse import quote, unquote

from sluice import application, request_context, tenants

FOLDER = "incoming"
REPORTS = "rejects"
TENANT = "tenant="


class FileKey(NamedTuple):
    """What the key of a file says: its resource, and its tenant (empty without one)."""

    resource: str
    tenant: str


def folder_of_request(resource: str) -> str:
    """Return the folder for a file that a client announces. Raise NoTenant if it needs a tenant."""
    if has_tenant(resource):
        tenants.require()
    return folder(resource, request_context.current().tenant)


def folder(resource: str, tenant: str) -> str:
    """Return the folder for the files of a resource and a tenant, which may be empty."""
    return "/".join([FOLDER, resource, *_folders(tenant)])


def report(id: int, tenant: str) -> str:
    """Return the key of the report of an import, whose tenant may be empty."""
    return "/".join([REPORTS, *_folders(tenant), f"{id}.csv"])


def read(key: str) -> FileKey | None:
    """Return what a key says, or None if it is not that of a file to import."""
    first, resource, *rest = [*key.split("/"), "", ""]
    if first != FOLDER or resource not in application.current().imports or not rest[0]:
        return None
    return FileKey(resource, _tenant(rest[0]))


def problem(resource: str, tenant: str) -> str:
    """Return why a file of this tenant cannot be imported; empty if it can."""
    if tenant or not has_tenant(resource):
        return ""
    example = f"{FOLDER}/{resource}/{TENANT}<id>/"
    return f"its key names no tenant: upload it to {example}, with the id of a tenant"


def has_tenant(resource: str) -> bool:
    """Return whether the rows of a resource, by its name in imports, belong to tenants."""
    app = application.current()
    declared = app.tenant and resource in app.registry.DECLARATIONS
    return bool(declared and app.declaration(resource).has_tenant)


def _folders(tenant: str) -> list[str]:
    return [TENANT + quote(tenant, safe="")] if tenant else []


def _tenant(name: str) -> str:
    if not application.current().tenant or not name.startswith(TENANT):
        return ""
    try:
        return tenants.canonical(unquote(name.removeprefix(TENANT), errors="strict"))
    except ValueError:
        return ""
