"""What changed in the database since a resource was adopted, merged into its file, as a diff.

The merge has three texts: what `adopt` wrote then, what it would write now, and the file. The file
is never written: a person applies the diff. After that, WRITE=1 records the present catalogue, with
which the next merge begins.
"""

import difflib
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from catalog import adopted, classify, source
from catalog.adopt.job import AdoptJob, origin, shown
from catalog.adopt.write import formatted
from catalog.adopted import Adoption
from catalog.draft import AdoptRequest, Draft
from catalog.errors import AdoptError

LABELS = ("file", "adopted", "database")
CONFLICTS = "conflicts: {}. Choose from the lines between <<<<<<< and >>>>>>>"


def print_merge(job: AdoptJob, name: str, *, write: bool) -> int:
    """Print the diff that brings a file up to date. Return 1 if a person must resolve conflicts.

    write: whether to record that the file has all changes, if it has them.

    Raise AdoptError if `adopt` did not write the resource.
    """
    record = adopted.read(job.folder)
    found = job.found.named(name) if job.found else None
    adoption = record.of(found.resource.table) if found else None
    if adoption is None or found is None:
        raise AdoptError(f"NAME={name}: {job.request.app} has no such resource that adopt wrote")
    then = classify.draft(adoption.snapshot, _request(job, adoption))
    texts = (
        found.path.read_text(),
        _text(then, name, adoption.on),
        _text(job.draft, name, adoption.on),
    )
    merged, conflicts = _merged(*texts)
    path = shown(found.path)
    lines = difflib.unified_diff(
        texts[0].splitlines(keepends=True),
        merged.splitlines(keepends=True),
        f"a/{path}",
        f"b/{path}",
    )
    print("".join(lines), end="")
    if conflicts:
        print(CONFLICTS.format(conflicts), file=sys.stderr)
    elif merged == texts[0]:
        print(f"{path}: the database asks for no change", file=sys.stderr)
        if write and texts[1] != texts[2]:
            fresh = job.adoption_of({found.resource.table: name}, adoption.on)
            (job.folder / adopted.NAME).write_text(adopted.text(record.having(fresh)))
    return 1 if conflicts else 0


def _request(job: AdoptJob, adoption: Adoption) -> AdoptRequest:
    """Return the request of that time, with the names that the resources have now."""
    return AdoptRequest(
        app=job.request.app,
        tables=adoption.tables,
        view_keys=adoption.view_keys,
        group="resource" if adoption.group == "resource" else "schema",
        known=job.known,
        tenant=adoption.tenant,
        tenant_columns=adoption.tenant_columns,
        shared=adoption.shared,
    )


def _text(draft: Draft, name: str, date: str) -> str:
    """Return the formatted source of a resource. Raise AdoptError if its table is not there."""
    for each in draft.resources:
        if each.name == name:
            return formatted(source.text(each, origin(each, date)))
    raise AdoptError(f"NAME={name}: the database has no such table any more")


def _merged(file: str, then: str, now: str) -> tuple[str, int]:
    """Return the merged text, and the number of conflicts."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / label for label in LABELS]
        for path, text in zip(paths, (file, then, now), strict=True):
            path.write_text(text)
        labels = [argument for label in LABELS for argument in ("-L", label)]
        done = subprocess.run(
            ["git", "merge-file", "-p", "--diff3", *labels, *map(str, paths)],
            capture_output=True,
            text=True,
            check=False,
        )
    if not 0 <= done.returncode < 128:
        raise AdoptError(f"git merge-file failed: {done.stderr.strip()}")
    return done.stdout, done.returncode
