"""The constraints of a resource: those whose violation does not name a field by itself."""

from collections.abc import Iterable, Iterator, Mapping

from catalog.expression import Expression, Name
from catalog.fields import ignores_case, unique_index
from catalog.tables import AdoptedTable, unique_keys

CONSTRAINT = Name("sluice.resource", "Constraint")


def constraints(
    each: AdoptedTable, shown: Iterable[str], domains: Mapping[tuple[str, str], set[str]]
) -> Iterator[Expression]:
    """Yield the constraints over columns that are shown.

    domains: the columns of all tables that a CHECK of a domain is about. The server's report does
        not have the column, so it is known only if all columns have one name.
    """
    columns = {*shown}
    unread = {check.name for check in each.unread_checks}
    for constraint in each.table.constraints:
        names = [name for name in constraint.columns if name in columns]
        if not names or len(names) < len(constraint.columns):
            continue
        if constraint.kind == "u" and (len(names) > 1 or constraint.is_deferrable):
            options = {"deferrable": True} if constraint.is_deferrable else {}
            yield Expression(CONSTRAINT, (names, *_name(each, names)), options)
        elif constraint.kind == "c" and constraint.name in unread:
            yield Expression(CONSTRAINT, (names, constraint.name, "check"))
        elif constraint.kind == "x":
            yield Expression(CONSTRAINT, (names, constraint.name, "exclusion"))
    for names in _unique_indexes(each, columns):
        yield Expression(CONSTRAINT, (names, *_name(each, names)))
    for column in sorted(columns):
        if own_name := _name(each, [column]):
            yield Expression(CONSTRAINT, ([column], *own_name))
        # The role may not read the whole table, so the server's report has the name alone.
        if ignores_case(column, each) and (index := unique_index(column, each)):
            yield Expression(CONSTRAINT, ([column], index.name))
    for (schema, name), names in sorted(_domain_checks(each, columns).items()):
        if schema == each.table.schema and len(domains[schema, name]) == 1:
            yield Expression(CONSTRAINT, (names, name, "domain"))


def _unique_indexes(each: AdoptedTable, shown: set[str]) -> Iterator[list[str]]:
    """Yield the columns of each unique index over several ones that is not a constraint's."""
    found = {frozenset(c.columns) for c in each.table.constraints if c.kind in "pu"}
    found.add(frozenset(each.key))
    for columns in sorted(each.table.unique_columns):
        if len(columns) > 1 and shown.issuperset(columns) and frozenset(columns) not in found:
            found.add(frozenset(columns))
            yield [*columns]


def _name(each: AdoptedTable, columns: list[str]) -> tuple[str, ...]:
    """Return the name of a unique index, if an error could not name the fields without it.

    With row-level security the server's report has the name alone. PostgreSQL's own names begin
    with the table and have the columns.
    """
    usual = [f"{each.table.name}_{'_'.join(columns)}_{end}" for end in ("key", "idx", "key1")]
    found = (
        index.name
        for index in each.table.indexes
        if index.is_unique
        and not index.predicate
        and [key.column for key in index.keys] == columns
        and columns != [*each.key]
    )
    name = next(found, "") if each.has_tenant else ""
    return (name,) if name and name not in usual else ()


def import_key(each: AdoptedTable, shown: Iterable[str]) -> list[str]:
    """Return another key for imports, if ON CONFLICT cannot find rows by a deferrable one."""
    columns = {*shown}
    deferrable = {c.columns for c in each.table.constraints if c.kind in "pu" and c.is_deferrable}
    if each.key not in deferrable:
        return []
    others = [key for key in unique_keys(each.table) if key not in deferrable]
    return next((list(key) for key in others if columns.issuperset(key)), [])


def domain_columns(tables: Iterable[AdoptedTable]) -> dict[tuple[str, str], set[str]]:
    """Return the names of the columns that each CHECK of a domain is about."""
    found: dict[tuple[str, str], set[str]] = {}
    for each in tables:
        for check, names in _domain_checks(each, {*each.kinds}).items():
            found.setdefault(check, set()).update(names)
    return found


def _domain_checks(each: AdoptedTable, columns: set[str]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for name, kind in each.kinds.items():
        for check in kind.domain_checks if name in columns else ():
            found.setdefault(check, []).append(name)
    return found
