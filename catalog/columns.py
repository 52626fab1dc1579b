"""The kind of each column of a table, with the bounds that its CHECKs and domains set."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from catalog.checks import FieldBounds, columns_in, conditions
from catalog.expression import Expression
from catalog.kinds import NoKind, kind_of, resolved
from catalog.names import singular, snake_case
from catalog.snapshot import Snapshot, TableColumn, TableConstraint, TableSnapshot
from sluice.sql.list_spec import PARENT
from sluice.sql.support import POSITION

SECRETS = re.compile(
    r"(^|_)(password|passwd|passphrase|passcode|pwd|secret|credential|token|hash|salt|api_?key|"
    r"(?:access|encryption|private|session|signing)_key|ssn|otp|cvc|cvv)(s?)(_|$)"
)
# The rest of a name after that of a secret, if the value is not the secret: `secret_id`.
NO_SECRET = re.compile(r"(_\w+)?_(id|ids|type|kind|algorithm)")
VALUES = ("Boolean", "Date", "Timestamp", "LocalTimestamp", "Time", "Interval", "Choice")
NUMBERS = ("SmallInt", "Integer", "BigInt", "Numeric", "Float", "Real")
DOMAIN_VALUE = "VALUE"  # the column in the CHECK of a domain


@dataclass
class ColumnKind:
    """The kind of a column as an expression without a name, or the reason why there is none.

    sql: the type as a person writes it.
    is_nullable: whether a row may have NULL there.
    default: the expression of the default, also that of a domain.
    domain_checks: the CHECKs of domains that no bound says, as schema and name.
    """

    expression: Expression | None
    sql: str
    is_nullable: bool
    reason: str = ""
    default: str | None = None
    domain_checks: list[tuple[str, str]] = field(default_factory=list)


def column_kinds(
    table: TableSnapshot, snapshot: Snapshot
) -> tuple[dict[str, ColumnKind], list[TableConstraint]]:
    """Return the kind of each column, and the CHECKs that the bounds of the kinds do not say."""
    kinds = {column.name: _kind(column, snapshot) for column in table.columns}
    bounds = {name: FieldBounds(kind.expression) for name, kind in kinds.items() if kind.expression}
    for column in table.columns:
        if column.name in bounds:
            kinds[column.name].domain_checks += _unread_domain_checks(
                column, snapshot, bounds[column.name]
            )
    unread = [check for check in _checks(table) if not _read(check.expression, bounds)]
    for name, each in bounds.items():
        kinds[name].expression = each.expression()
    return kinds, unread


def _checks(table: TableSnapshot) -> Iterator[TableConstraint]:
    return (each for each in table.constraints if each.kind == "c" and each.is_enforced)


def _read(expression: str, bounds: Mapping[str, FieldBounds]) -> bool:
    """Read a CHECK into the bounds. Return whether they say all of it."""
    found = conditions(expression)
    said = [
        len(names) == 1 and names <= bounds.keys() and bounds[min(names)].add(condition)
        for condition in found
        for names in [columns_in(condition)]
    ]
    return bool(said) and all(said)


def _unread_domain_checks(
    column: TableColumn, snapshot: Snapshot, bounds: FieldBounds
) -> list[tuple[str, str]]:
    single = replace(column.type, is_array=False)
    checks = resolved(single, snapshot).checks
    if column.type.is_array:
        return [(schema, check.name) for schema, check in checks]
    of_value = {DOMAIN_VALUE: bounds}
    return [
        (schema, check.name) for schema, check in checks if not _read(check.expression, of_value)
    ]


def _kind(column: TableColumn, snapshot: Snapshot) -> ColumnKind:
    below = resolved(column.type, snapshot)
    item = singular(snake_case(column.name))
    found = kind_of(below.type, snapshot, item)
    kind = ColumnKind(
        None,
        column.type.sql,
        is_nullable=not (column.not_null or below.not_null),
        default=column.default if column.default is not None else below.default,
    )
    unusable = _unusable_name(column.name)
    if unusable:
        kind.reason = unusable
    elif isinstance(found, NoKind):
        kind.reason = found.reason
    else:
        kind.expression = found
    return kind


def _unusable_name(name: str) -> str:
    """Return why no statement of the engine can have a column of this name."""
    if "." in name:
        return "its name has a dot"
    if POSITION.fullmatch(name) or name == PARENT:
        return f"the statement of a page has its own column {name}"
    return ""


def is_sensitive(name: str, kind: ColumnKind) -> bool:
    """Return whether the name of the column is that of a secret, and its values may be one."""
    plain = snake_case(name)
    found = SECRETS.search(plain)
    if found is None or NO_SECRET.fullmatch(plain, found.end(3)):
        return False
    type_ = kind.expression.target.name if kind.expression else ""
    if type_ in VALUES:
        return False
    return type_ not in NUMBERS or found.end() == len(plain)
