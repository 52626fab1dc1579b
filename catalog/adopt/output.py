"""Everything that WRITE=1 writes: declarations, derived files, the schema for tests."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from catalog import adopted
from catalog.adopt import ddl, schema_dump
from catalog.adopt.job import AdoptJob, shown
from catalog.adopt.schema_dump import DumpError
from catalog.adopt.write import ROOT, write


class Written(NamedTuple):
    """The files of one run: those that are a person's, and those that were derived."""

    written: list[str]
    derived: list[str]
    notes: list[str]


def write_all(job: AdoptJob, url: str, *, with_ddl: bool) -> Written:
    """Write what is new, and derive. Raise AdoptError, and leave nothing that is new."""
    files = job.files()
    notes: list[str] = []
    if job.new:
        record = adopted.read(job.folder)
        schema = _schema(job, url, record.schema_digest, notes)
        files |= schema
        digest = "".join(map(_digest, schema.values())) or record.schema_digest
        record = replace(record.having(job.adoption()), schema_digest=digest)
        files[job.folder / adopted.NAME] = adopted.text(record)
    if with_ddl:
        files[job.folder / ddl.NAME] = ddl.text(job.request.app, job.proposals())
    files = {path: text for path, text in files.items() if _present(path) != text}
    derived = write(job.request.app, files)
    return Written([*map(shown, files)], [*map(shown, derived)], notes)


def _schema(job: AdoptJob, url: str, digest: str, notes: list[str]) -> dict[Path, str]:
    """Return schema.sql, unless a person has changed it or it cannot be made."""
    path = ROOT / "tests" / "apps" / job.request.app / "schema.sql"
    if path.is_file() and _digest(path.read_text()) != digest:
        notes.append(f"{shown(path)} was changed, and stays: remove it to have it written again")
        return {}
    schemas = {each.table.schema for each in job.draft.resources}
    try:
        return {path: schema_dump.dump(url, {*schemas, *job.draft.search_path})}
    except DumpError as error:
        notes.append(f"{shown(path)} was not written: {error}")
        return {}


def _present(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
