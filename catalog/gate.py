"""The deployment's comparison: after the migrations, before the new code gets requests.

The result is a row of `sluice.drift` for each application. /health/ready reports it.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine

from catalog import adopted
from catalog.drift import declared, drift
from catalog.expression import source
from catalog.findings import REMOVED, Edit, Finding
from catalog.read import read
from sluice import application
from sluice.application import Application
from sluice.db.database import Database
from sluice.db.sqlalchemy_pool import SqlalchemyPool
from sluice.query import Executor, Query

STORE = """
    INSERT INTO sluice.drift (app, at, digest, differences)
    VALUES (:app, now(), :digest, CAST(:differences AS jsonb))
    ON CONFLICT (app) DO UPDATE
    SET at = excluded.at, digest = excluded.digest, differences = excluded.differences
"""


def compare_once(engine: Engine, app: str) -> list[dict[str, Any]]:
    """Compare with the database of the engine, and dispose of it. Without `app` do nothing."""
    if not app:
        return []
    database = Database(SqlalchemyPool(engine))
    try:
        return compare(database, app)
    finally:
        database.dispose()


def compare(database: Executor, app: str) -> list[dict[str, Any]]:
    """Compare an application's declarations with the database, store and return the differences."""
    named = application.named(app)
    found = drift(declared(named), read(database), adopted.read(named.folder).snapshots)
    differences = [as_json(each) for each in found if each.is_difference]
    params = {
        "app": app,
        "digest": digest(named),
        "differences": json.dumps(differences, ensure_ascii=False),
    }
    database.write(Query(STORE, params))
    return differences


def as_json(finding: Finding) -> dict[str, Any]:
    """Return a difference with what to write, but without the file and the line."""
    line = _line(finding.edit) if finding.edit is not None else ""
    names = ("resource", "subject", "message")
    return {**{name: getattr(finding, name) for name in names}, "line": line}


def digest(app: Application) -> str:
    """Return the digest of the modules that declare the resources."""
    modules = {target.partition(":")[0] for target in app.registry.DECLARATIONS.values()}
    return _digest(app.folder / f"{module.rpartition('.')[2]}.py" for module in sorted(modules))


def _digest(paths: Iterable[Any]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()


def _line(edit: Edit) -> str:
    if edit.action == "remove":
        return f"remove {edit.name or 'the resource'}"
    if edit.expression is not None:
        return f"{edit.action} {source(edit.expression)}"
    options = ((name, value) for name, value in edit.options.items())
    texts = [f"without {n}" if v is REMOVED else f"{n}={source(v)}" for n, v in options]
    return f"{edit.action} {edit.name}: {', '.join(texts)}"
