"""Compare the declarations of an application with a live catalogue.

make drift FROM=postgresql://… APP=crm    exit code 1 if there is a difference
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from catalog import adopted, read
from catalog.adopt.database import complete, read_only
from catalog.drift import declared, drift
from catalog.errors import AdoptError
from catalog.findings import Finding
from catalog.report.lines import Place, place
from catalog.report.text import report_text
from local.database import DatabaseUnusable, describe
from scripts.derive.scan import Found, scan
from sluice import application
from sluice.application import ApplicationError
from sluice.kinds.field import DeclarationError
from sluice.settings import SettingsError

ENVIRON = os.environ  # noqa: TID251 - a command's; functions have settings.py
EXPECTED_ERRORS = (
    *(AdoptError, ApplicationError, DatabaseUnusable, DeclarationError),
    SettingsError,
)
ROOT = Path(__file__).parents[2]


def main(arguments: list[str]) -> int:
    """Print what differs; return 1 if a response would change, 2 if it could not be compared."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except EXPECTED_ERRORS as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make drift", description=str(__doc__).split("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--from", dest="url", default="", help="FROM: the database's URL")
    parser.add_argument("--app", default="", help="APP: the application; default: SLUICE_APP")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _run(options: argparse.Namespace) -> int:
    given = options.url or ENVIRON.get("FROM", "")
    if not given:
        raise AdoptError("set FROM: make drift FROM=postgresql://user@host/database APP=crm")
    name = options.app or application.current_name()
    app = application.named(name)
    found = scan(name)
    _, settings = complete(given, ENVIRON)
    with read_only(settings) as reader:
        snapshot = read.read(reader)
    findings = drift(declared(app), snapshot, adopted.read(found.folder).snapshots)
    places = [place(each, found, ROOT) for each in findings]
    database = f"{describe(settings)}, PostgreSQL {snapshot.version // 10_000}"
    if options.json:
        print(json.dumps(_as_json(name, found, findings, places), indent=2, ensure_ascii=False))
    elif findings:
        colour = sys.stdout.isatty() and not ENVIRON.get("NO_COLOR")
        print(report_text(f"{name}: {database}", findings, places, colour=colour), end="")
    else:
        print(f"Nothing differs between the declarations of {name} and {database}")
    return 1 if any(each.is_difference for each in findings) else 0


def _as_json(
    name: str, found: Found, findings: Sequence[Finding], places: Sequence[Place | None]
) -> dict[str, object]:
    rows: dict[bool, list[dict[str, object]]] = {True: [], False: []}
    for each, at in zip(findings, places, strict=True):
        row: dict[str, object] = {
            "resource": each.resource,
            "subject": each.subject,
            "message": each.message,
        }
        rows[each.is_difference].append(row | (at._asdict() if at else {}))
    folder = str(found.folder.relative_to(ROOT))
    return {"application": name, "folder": folder, "differences": rows[True], "notes": rows[False]}
