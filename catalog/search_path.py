"""The search_path that the functions and triggers of adopted tables were written for."""

from collections.abc import Sequence

from catalog.functions import Functions
from catalog.snapshot import Snapshot
from catalog.tables import AdoptedTable

PUBLIC = "public"
DEFAULTS = ('"$user", public', PUBLIC, "")


def search_path(
    snapshot: Snapshot, tables: Sequence[AdoptedTable], functions: Functions
) -> tuple[str, ...]:
    """Return the schemas, or an empty tuple if `public` alone is enough.

    A path that the owner of the database has set for it is kept. Otherwise it has the schemas of
    types, of functions and of triggers' functions, with those of the tables of these.
    """
    if snapshot.search_path not in DEFAULTS:
        return _split(snapshot.search_path)
    schemas: dict[str, None] = {}
    for each in tables:
        table = each.table
        own = [trigger.function.partition(".")[0] for trigger in table.triggers]
        own += [column.type.schema for column in table.columns]
        own += [function.schema for function, _ in functions.served.get(table.qualified, ())]
        has_code = any(name not in (PUBLIC, "pg_catalog") for name in own)
        names = [table.schema, *own] if table.triggers or has_code else own
        schemas.update(dict.fromkeys(name for name in names if name != "pg_catalog"))
    if not schemas.keys() - {PUBLIC}:
        return ()
    return (*sorted(schemas.keys() - {PUBLIC}), PUBLIC)


def _split(setting: str) -> tuple[str, ...]:
    """Return the schemas of a setting, without `$user`."""
    names = (name.strip().strip('"') for name in setting.split(","))
    return tuple(name for name in names if name not in ("$user", "pg_catalog", ""))
