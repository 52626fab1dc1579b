"""The foreign keys between adopted tables, and why some of them are no relation."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.columns import is_sensitive
from catalog.draft import Refusal
from catalog.expression import Expression
from catalog.kinds import INTEGERS
from catalog.snapshot import TableConstraint
from catalog.tables import AdoptedTable
from sluice.resource import MAX_KEY_COLUMNS
from sluice.sql.identifiers import quoted


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key from `of` to `to`. The columns are in the order of the key of `to`.

    If it references more than the key, such as a tenant and an id, the columns are the key's alone.

    problem: why it is no relation.
    """

    of: AdoptedTable
    to: AdoptedTable
    columns: tuple[str, ...]
    problem: Refusal | None = None


def foreign_keys(each: AdoptedTable, tables: Mapping[str, AdoptedTable]) -> list[ForeignKey]:
    """Return the foreign keys to adopted tables by the order of columns, each set of them once."""
    found: dict[frozenset[str], ForeignKey] = {}
    for constraint in each.table.constraints:
        to = tables.get(constraint.references)
        if constraint.kind != "f" or to is None:
            continue
        pairs = dict(zip(constraint.referenced, constraint.columns, strict=True))
        has_key = _has_key(constraint, each, to)
        columns = tuple(pairs[name] for name in to.key) if has_key else constraint.columns
        problem = (
            _problem(constraint, each, to, columns) if has_key else _other_key(each, to, pairs)
        )
        key = ForeignKey(each, to, columns, problem)
        known = found.get(frozenset(columns))
        if known is None or (known.problem is not None and key.problem is None):
            found[frozenset(columns)] = key
    names = [column.name for column in each.table.columns]
    return sorted(found.values(), key=lambda key: [names.index(name) for name in key.columns])


def kind_of_reference(kind: Expression, key: Expression) -> Expression | None:
    """Return the kind of a column that references a key, or None if they do not fit.

    A smallint may reference a bigint. The field is then of the key's kind.
    """
    if kind.options.get("type") != key.options.get("type"):
        return None
    if kind.target == key.target:
        return kind
    names = (kind.target.name, key.target.name)
    if all(name in INTEGERS for name in names):
        return Expression(key.target, (), kind.options)
    return None


def _has_key(constraint: TableConstraint, each: AdoptedTable, to: AdoptedTable) -> bool:
    """Return whether the columns that reference the key of `to` always name a row.

    The server does not check a reference of several columns if one of them is NULL.
    """
    others = [
        column
        for name, column in zip(constraint.referenced, constraint.columns, strict=True)
        if name not in to.key
    ]
    is_checked = not any(each.kinds[column].is_nullable for column in others)
    return is_checked and {*to.key} <= {*constraint.referenced}


def _other_key(each: AdoptedTable, to: AdoptedTable, pairs: Mapping[str, str]) -> Refusal:
    """Return why a foreign key is no relation that references something else than the key."""
    subject = f"{each.table.qualified}({', '.join(pairs.values())})"
    key, other = ", ".join(to.key), ", ".join(pairs)
    reason = f"it references {other} of {to.table.qualified}, whose key is {key}"
    remedy = f"a foreign key that references {key}"
    if to.known is None and len(pairs) <= MAX_KEY_COLUMNS:
        remedy += f"; or KEY='{to.table.qualified}:{','.join(pairs)}', if that is to be its key"
    return Refusal(subject, reason, remedy)


def _problem(
    constraint: TableConstraint, each: AdoptedTable, to: AdoptedTable, columns: tuple[str, ...]
) -> Refusal | None:
    subject = f"{each.table.qualified}({', '.join(columns)})"
    alter = f"ALTER TABLE {each.sql_name}"
    if not constraint.is_enforced:
        remedy = f"{alter} ALTER CONSTRAINT {quoted(constraint.name)} ENFORCED"
        return Refusal(subject, "the foreign key is not enforced", remedy, is_ddl=True)
    if not constraint.is_validated:
        remedy = f"{alter} VALIDATE CONSTRAINT {quoted(constraint.name)}"
        return Refusal(subject, "the foreign key is not validated", remedy, is_ddl=True)
    for name, other in zip(columns, to.key, strict=True):
        kind, key_kind = each.kinds[name], to.kinds[other]
        if kind.expression is None or key_kind.expression is None:
            return Refusal(subject, f"{name} is not shown", f"a field for {name}")
        if len(columns) > 1 and name not in each.declared and is_sensitive(name, kind):
            return Refusal(subject, f"{name} is not shown", f"a field for {name}")
        fitting = kind_of_reference(kind.expression, key_kind.expression)
        if fitting is None or (len(columns) > 1 and fitting != kind.expression):
            key_name = f"{to.table.qualified}.{other}"
            reason = f"{name} is {kind.sql}, and {key_name} is {key_kind.sql}"
            return Refusal(subject, reason, "one type for both columns")
    return None
