"""The foreign keys between adopted tables, and why some of them are no relation."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.columns import is_sensitive
from catalog.draft import Refusal
from catalog.expression import Expression
from catalog.kinds import INTEGERS
from catalog.snapshot import TableConstraint
from catalog.tables import AdoptedTable
from sluice.sql.identifiers import quoted


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key from `of` to `to`. The columns are in the order of the key of `to`.

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
        is_whole_key = set(pairs) == {*to.key}
        columns = tuple(pairs[name] for name in to.key) if is_whole_key else constraint.columns
        key = ForeignKey(each, to, columns, _problem(constraint, each, to, columns))
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


def _problem(
    constraint: TableConstraint, each: AdoptedTable, to: AdoptedTable, columns: tuple[str, ...]
) -> Refusal | None:
    subject = f"{each.table.qualified}({', '.join(columns)})"
    if set(constraint.referenced) != {*to.key}:
        key, other = ", ".join(to.key), ", ".join(constraint.referenced)
        reason = f"it references {other} of {to.table.qualified}, whose key is {key}"
        return Refusal(subject, reason, f"a foreign key that references {key}")
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
            reason = f"{name} is {kind.sql}, and {other} is {key_kind.sql}"
            return Refusal(subject, reason, f"one type for {name} and {other}")
    return None
