"""Adopt tables of an existing database: plan their resources, or write them.

make adopt FROM=postgresql://… TABLES='crm.*'            print the plan, change nothing
make adopt FROM=postgresql://… TABLES='crm.*' WRITE=1    write what has no file yet
make adopt … TENANT=organisation_id SHARED='countries'   with the tenant of each row
"""

import argparse
import json
import os
import re
import sys
from typing import TypedDict

from catalog import read
from catalog.adopt import ddl, merge
from catalog.adopt.application_file import identifier
from catalog.adopt.database import complete, read_only
from catalog.adopt.job import AdoptJob
from catalog.adopt.output import write_all
from catalog.adopt.plan_text import plan_text, written_text
from catalog.draft import AdoptRequest
from catalog.errors import AdoptError
from catalog.tables import patterns
from local.database import DatabaseUnusable, describe
from sluice.application import ApplicationError
from sluice.kinds.field import DeclarationError

ENVIRON = os.environ  # noqa: TID251 - a command's; functions have settings.py
EXPECTED_ERRORS = (AdoptError, ApplicationError, DatabaseUnusable, DeclarationError)
VIEW_KEY = re.compile(r"(?P<view>[^:]+):(?P<columns>[^:]+)")
# A pattern or a view may have a name in double quotes, with spaces.
WORD = re.compile(r'(?:"[^"]*"|[^\s"])+')


class TenantArguments(TypedDict):
    """The attributes of AdoptRequest that TENANT and SHARED set."""

    tenant: str
    tenant_columns: dict[str, str]
    shared: list[str]


def main(arguments: list[str]) -> int:
    """Plan or write; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except EXPECTED_ERRORS as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make adopt", description=str(__doc__).split("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--from", dest="url", default="", help="FROM: the database's URL")
    parser.add_argument("--tables", default="", help="TABLES: such as 'crm.* !crm.audit_*'")
    parser.add_argument("--app", default="", help="APP: the application; default: the schema")
    parser.add_argument("--key", default="", help="KEY: of views, 'pipeline:organisation_id,stage'")
    parser.add_argument("--group", default="", choices=("", "schema", "resource"), help="GROUP")
    parser.add_argument("--name", default="", help="NAME: print what changed for this resource")
    parser.add_argument("--write", action="store_true", help="WRITE=1: write the new files")
    parser.add_argument("--with-ddl", action="store_true", help="WITH_DDL=1: propose statements")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--tenant", default="", help="TENANT: the column, 'organisation_id'")
    parser.add_argument("--shared", default="", help="SHARED: tables without it, 'countries'")
    return parser


def _run(options: argparse.Namespace) -> int:
    job, url = _job(options)
    if options.name:
        return merge.print_merge(job, options.name, write=options.write)
    plan = job.plan()
    written = write_all(job, url, with_ddl=options.with_ddl) if options.write else None
    colour = sys.stdout.isatty() and not ENVIRON.get("NO_COLOR")
    if options.json:
        data = plan.as_json() | (written._asdict() if written else {})
        print(json.dumps(data, indent=2, ensure_ascii=False))
    elif written:
        print(written_text(plan, written, colour=colour), end="")
    else:
        print(plan_text(plan, colour=colour), end="")
        if options.with_ddl:
            print("", ddl.text(plan.application, job.proposals()), sep="\n", end="")
    return 0


def _job(options: argparse.Namespace) -> tuple[AdoptJob, str]:
    """Read the catalogue. Return the job, and the URL with its password."""
    given = options.url or ENVIRON.get("FROM", "")
    tables = [each.replace('"', "") for each in WORD.findall(options.tables)]
    if not given:
        raise AdoptError(
            "set FROM and TABLES: make adopt FROM=postgresql://user@host/database TABLES='crm.*'"
        )
    url, settings = complete(given, ENVIRON)
    with read_only(settings) as reader:
        snapshot = read.read(reader)
    if not tables:
        names = ", ".join(snapshot.schemas) or "empty"
        raise AdoptError(f"set TABLES, such as TABLES='crm.*'; the schemas are {names}")
    request = AdoptRequest(
        app=options.app or default_name(tables, settings.name),
        tables=tables,
        view_keys=_view_keys(options.key),
        group=options.group or "schema",
        **_tenants(options.tenant, options.shared),
    )
    return AdoptJob(snapshot=snapshot, request=request, database=describe(settings)), url


def default_name(tables: list[str], database: str) -> str:
    """Return the schema if all tables are of one that is not `public`, else the database."""
    schemas = {pattern.partition(".")[0] for pattern in patterns(tables)}
    name = schemas.pop() if len(schemas) == 1 else database
    return identifier(database if name == "public" or "*" in name else name)


def _tenants(tenant: str, shared: str) -> TenantArguments:
    """Read TENANT and SHARED. Raise AdoptError."""
    columns, of_tables = [], {}
    for word in WORD.findall(tenant):
        table, has_table, column = word.replace('"', "").rpartition(":")
        if has_table:
            of_tables[table] = column
        else:
            columns.append(column)
    names = [each.replace('"', "") for each in WORD.findall(shared)]
    if len(columns) > 1 or ((of_tables or names) and not columns):
        raise AdoptError(
            "TENANT is the column of the tenant, then tables with another one: "
            "TENANT='organisation_id notes:deal_id' SHARED='countries'"
        )
    return {"tenant": "".join(columns), "tenant_columns": of_tables, "shared": names}


def _view_keys(text: str) -> dict[str, list[str]]:
    """Read KEY. Raise AdoptError."""
    keys = {}
    for word in WORD.findall(text):
        match = VIEW_KEY.fullmatch(word)
        if match is None:
            raise AdoptError(f"KEY: {word!r} must have the form of pipeline:organisation_id,stage")
        keys[match["view"].replace('"', "")] = match["columns"].replace('"', "").split(",")
    return keys
