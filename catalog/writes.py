"""Which writes clients have, and why some are missing."""

from collections.abc import Iterator, Sequence

from catalog.draft import DraftMember, DraftResource, Refusal
from catalog.snapshot import TableTrigger
from catalog.tables import KINDS, AdoptedTable
from sluice.resource import EVERY_WRITE
from sluice.sql.identifiers import quoted


def writes(
    each: AdoptedTable, resource: DraftResource
) -> tuple[tuple[str, ...] | None, list[Refusal]]:
    """Return the writes, or None for all of them, and what is refused."""
    if each.table.kind in KINDS:
        return (), []
    if not each.is_unique:
        remedy = f"ALTER TABLE {each.sql_name} ADD UNIQUE ({', '.join(map(quoted, each.key))})"
        reason = "its key is not unique, so a write may change several rows"
        return (), [Refusal(f"{resource.name} (writes)", reason, remedy, is_ddl=True)]
    missing: set[str] = set()
    refused: list[Refusal] = []
    hidden = [*_hidden_columns(each, resource)]
    if hidden:
        missing.add("create")
        names, verb = ", ".join(hidden), "are" if len(hidden) > 1 else "is"
        reason = f"{names} {verb} NOT NULL without a default, and {verb} not shown"
        remedy = _remedy(each, hidden)
        triggers = [trigger.name for trigger in each.table.triggers if _may_set(trigger)]
        if triggers:
            remedy += f'; or "create" in `writes`, if the trigger {", ".join(triggers)} sets it'
        refused.append(Refusal(f"{resource.name} (create)", reason, remedy))
    if not any(_is_writable(member) for member in (*resource.key, *resource.fields)):
        missing.add("create")
        reason = "no column has a value that clients may set"
        refused.append(Refusal(f"{resource.name} (create)", reason, "optional=True for a field"))
    if not any(_is_writable(member) for member in resource.fields):
        missing |= {"replace", "update"}
    if not missing:
        return None, refused
    return tuple(write for write in EVERY_WRITE if write not in missing), refused


def _remedy(each: AdoptedTable, hidden: Sequence[str]) -> str:
    """Return what makes a new row possible: fields for secrets, defaults for other columns."""
    secrets = [name for name in hidden if each.kinds[name].expression is not None]
    others = [name for name in hidden if name not in secrets]
    remedies = []
    if secrets:
        remedies.append(f"in `fields`, what the comment on {' and on '.join(secrets)} shows")
    if others:
        alter = ", ".join(f"ALTER COLUMN {quoted(name)} SET DEFAULT …" for name in others)
        remedies.append(f"ALTER TABLE {each.sql_name} {alter}")
    return "; and ".join(remedies)


def _hidden_columns(each: AdoptedTable, resource: DraftResource) -> Iterator[str]:
    """Yield the columns that a new row needs and that clients do not see."""
    for member in resource.fields:
        kind = each.kinds[member.column]
        column = each.table.by_name[member.column]
        is_free = kind.is_nullable or kind.default is not None or column.identity
        if member.expression is None and not is_free:
            yield member.column


def _may_set(trigger: TableTrigger) -> bool:
    """Return whether the trigger may set a column of a new row."""
    return trigger.timing == "BEFORE" and "INSERT" in trigger.events and trigger.is_enabled


def _is_writable(member: DraftMember) -> bool:
    return member.expression is not None and not member.expression.options.get("read_only")
