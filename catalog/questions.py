"""What a person should look at: decisions with another choice, and notes about a table."""

from collections.abc import Iterator

from catalog.columns import is_sensitive
from catalog.draft import DraftDecision
from catalog.fields import is_set_by_database
from catalog.names import snake_case
from catalog.tables import KINDS, AdoptedTable

TENANTS = ("tenant", "organisation", "organization", "org", "account", "workspace", "company")
DELETED = ("deleted_at", "deleted_on", "removed_at", "archived_at")
TIMES = ("Timestamp", "LocalTimestamp")


def decisions(each: AdoptedTable) -> Iterator[DraftDecision]:
    """Yield what was decided where something else is possible."""
    table = each.table.qualified
    if not each.known:
        yield from _about_columns(each)
    for column in each.table.columns:
        kind, name = each.kinds[column.name], snake_case(column.name)
        subject = f"{table}.{column.name}"
        if kind.expression is None or column.name in each.key or each.is_read_only:
            continue
        if name in DELETED and kind.is_nullable and kind.expression.target.name in TIMES:
            otherwise = f'soft_delete="{column.name}"'
            yield DraftDecision(subject, "DELETE removes the row", otherwise)
        if name in (f"{tenant}_id" for tenant in TENANTS) and not each.tenant:
            chosen = "rows of every tenant are shown"
            yield DraftDecision(subject, chosen, f"TENANT={column.name}")


def notes(each: AdoptedTable) -> Iterator[str]:
    """Yield what to know about a table."""
    table = each.table
    if table.has_row_security:
        yield "Row-level security is on: the policies decide which rows clients see."
    if table.kind in KINDS:
        yield f"It is a {KINDS[table.kind]}: clients read it, and its key is not checked."
    may_be_null = [name for name in each.key if not table.by_name[name].not_null]
    if may_be_null and table.kind not in KINDS:
        yield f"No row may have NULL in its key: make {', '.join(may_be_null)} NOT NULL."
    if table.inherits:
        yield f"It inherits from {', '.join(table.inherits)}, whose lists show its rows, too."
    if each.has_children:
        yield "Tables inherit from it, so several rows may have one key: clients only read it."
    if table.is_unlogged:
        yield "It is unlogged: a crash of the server empties it."


def _about_columns(each: AdoptedTable) -> Iterator[DraftDecision]:
    for column in each.table.columns:
        kind = each.kinds[column.name]
        subject = f"{each.table.qualified}.{column.name}"
        is_key = column.name in each.key
        is_always = column.generated or column.identity == "a"
        if kind.expression is None or each.is_read_only or is_always:
            continue
        if is_sensitive(column.name, kind) and not is_key:
            chosen = "left out: its name is that of a secret"
            yield DraftDecision(subject, chosen, "add the field to the file")
        elif column.name != each.tenant and is_set_by_database(column, kind, is_key=is_key):
            chosen = "read_only: the database sets the value"
            yield DraftDecision(subject, chosen, "optional=True instead of read_only=True")
