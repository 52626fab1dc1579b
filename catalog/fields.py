"""The fields of a table: the name, the kind and the options of each column."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from catalog.columns import ColumnKind, is_sensitive
from catalog.defaults import NoConstant, constant, generated_by, is_null
from catalog.draft import DraftMember
from catalog.expression import Expression, evaluate, source
from catalog.indexes import (
    ONE_VALUE,
    Need,
    is_met,
    need_of_filter,
    need_of_sort,
    of_tenant,
    plain,
)
from catalog.kinds import named
from catalog.names import numbered, snake_case
from catalog.snapshot import IndexKey, TableColumn, TableIndex
from catalog.tables import AdoptedTable
from sluice.graph.part import graphql_name
from sluice.imports.resource import RESERVED as IMPORT_NAMES
from sluice.kinds.field import Field
from sluice.sql.identifiers import quoted
from sluice.sql.key import PARAMETERS
from sluice.sql.support import (
    CREATE_PARAMETERS,
    LIST_PARAMETERS,
    POSITION,
    UPDATE_PARAMETERS,
)

NAMES_OF_STATEMENTS = {
    *CREATE_PARAMETERS,
    *UPDATE_PARAMETERS,
    *IMPORT_NAMES,
}
SET_TIMES = re.compile(r"(^|_)(created|inserted|updated|modified|last_update|last_updated)(_|$)")
RANGED = (
    *("SmallInt", "Integer", "BigInt", "Numeric", "Float", "Real"),
    *("Date", "Time", "Timestamp", "LocalTimestamp", "Interval"),
)
UNSORTED = ("Array", "Json")


def name_fields(each: AdoptedTable) -> None:
    """Give each column that can be shown a name, which is no other one in GraphQL either."""
    fields = each.known.all_fields if each.known else ()
    known = {field.column: field.name for field in fields if not field.needs_column_sql}
    each.fields.update(known)
    taken = {graphql_name(name) for name in known.values()}
    plain_first = sorted(each.table.columns, key=lambda column: column.name not in each.key)
    for column in sorted(plain_first, key=lambda c: snake_case(c.name) != c.name):
        if column.name in each.fields or each.kinds[column.name].expression is None:
            continue
        name = _field_name(column.name, each, taken)
        each.fields[column.name] = name
        taken.add(graphql_name(name))


def _field_name(column: str, each: AdoptedTable, taken: set[str]) -> str:
    """Return the name of a field. `taken` has names in GraphQL, where `a_1` is `a1`."""
    plain = snake_case(column)
    reserved = NAMES_OF_STATEMENTS if column in each.key else {*NAMES_OF_STATEMENTS, *PARAMETERS}
    if plain == PARAMETERS[0] and plain in reserved:
        plain = f"{each.singular}_{plain}"
    free = (
        name
        for name in numbered(f"{plain}_value" if plain in reserved else plain)
        if name not in reserved and graphql_name(name) not in taken
    )
    return next(free)


def members(
    each: AdoptedTable, references: Mapping[str, Expression]
) -> tuple[list[DraftMember], list[DraftMember]]:
    """Return the key and the other columns.

    references: column → the `Ref` of its foreign key, without options of a field.
    """
    by_column = {
        column.name: _member(column, each, references.get(column.name))
        for column in each.table.columns
    }
    in_order = [*(by_column.pop(name) for name in each.key), *by_column.values()]
    taken: set[str] = set()
    found = [_with_free_filters(member, taken) for member in in_order]
    return found[: len(each.key)], found[len(each.key) :]


def _member(column: TableColumn, each: AdoptedTable, reference: Expression | None) -> DraftMember:
    kind = each.kinds[column.name]
    if kind.expression is None:
        return DraftMember(column.name, None, f"{column.name} is left out: {kind.reason}.")
    name = each.fields[column.name]
    field = named(kind.expression, name) if reference is None else reference
    is_key = column.name in each.key
    options = dict(_options(column, each, kind, is_reference=reference is not None))
    member = DraftMember(column.name, field.having(**options), _comment(column, each, options))
    is_shown = is_key or reference is not None or column.name in each.declared
    if not is_shown and is_sensitive(column.name, kind):
        shown = source(member.expression)
        text = f"{column.name} is left out: its name is that of a secret. {shown} would show it."
        return DraftMember(column.name, None, text)
    return member


def _options(
    column: TableColumn, each: AdoptedTable, kind: ColumnKind, *, is_reference: bool
) -> Iterator[tuple[str, object]]:
    """Yield the options of a field, in the order in which a person writes them."""
    is_key = column.name in each.key
    if not is_reference and each.fields[column.name] != column.name:
        yield "column", column.name
    if column.comment:
        yield "description", " ".join(column.comment.split())
    if may_be_null(column, each):
        yield "nullable", True
    if not is_key and not is_reference and ignores_case(column.name, each):
        yield "ignore_case", True
    if column.name == each.tenant:
        yield "read_only", True
    elif not each.is_read_only:
        yield from _value_options(column, kind, is_key=is_key)
    if not is_key and unique_index(column.name, each):
        yield "unique", True
    yield from list_options(column, each, is_reference=is_reference)


def may_be_null(column: TableColumn, each: AdoptedTable) -> bool:
    """Return whether clients see NULL in a column. No client sees a row without a tenant."""
    is_needed = column.name in (*each.key, each.tenant_column)
    return each.kinds[column.name].is_nullable and not is_needed


def _value_options(
    column: TableColumn, kind: ColumnKind, *, is_key: bool
) -> Iterator[tuple[str, object]]:
    """Yield what sets the value: the database, a default, or the client."""
    if is_set_by_database(column, kind, is_key=is_key):
        yield "read_only", True
        return
    if kind.default is None or is_null(kind.default) or kind.expression is None:
        return
    try:
        yield "default", constant(kind.default, kind.expression)
    except NoConstant:
        yield "optional", True


def is_set_by_database(column: TableColumn, kind: ColumnKind, *, is_key: bool) -> bool:
    """Return whether the database makes the value: it is generated, or made by a default."""
    if column.identity or column.generated:
        return True
    found = generated_by(kind.default) if kind.default is not None else ""
    is_time = found == "now" and SET_TIMES.search(snake_case(column.name)) is not None
    return found == "sequence" or (found == "uuid" and is_key) or is_time


def unique_index(column: str, each: AdoptedTable) -> TableIndex | None:
    """Return the index that makes sure that no two rows have one value in the column."""
    is_lower = ignores_case(column, each)
    found = (
        index
        for index in each.table.indexes
        if index.is_unique
        and index.is_valid
        and not index.predicate
        and len(index.keys) == 1
        and _is_on(index.keys[0], column, is_lower=is_lower)
    )
    return next(found, None)


def ignores_case(column: str, each: AdoptedTable) -> bool:
    """Return whether a text is found by an index on lower(column), and by none on the column."""
    expression = each.kinds[column].expression
    if expression is None or expression.target.name != "Text":
        return False
    first = [index.keys[0] for index in each.table.indexes if index.method == "btree"]
    is_plain = any(_is_on(key, column, is_lower=False) for key in first)
    return not is_plain and any(_is_on(key, column, is_lower=True) for key in first)


def _is_on(key: IndexKey, column: str, *, is_lower: bool) -> bool:
    """Return whether a key of an index is the column, or lower(column)."""
    if not is_lower:
        return key.column == column
    return not key.column and plain(key.sql) == plain(f"lower({quoted(column)})")


def list_options(
    column: TableColumn, each: AdoptedTable, *, is_reference: bool
) -> Iterator[tuple[str, object]]:
    """Yield the filters and the sort that an index of the table answers."""
    kind = each.kinds[column.name]
    is_plain_key = each.key == (column.name,)
    is_first_key = each.key[0] == column.name
    is_key = column.name in each.key
    is_lower = not is_key and not is_reference and ignores_case(column.name, each)
    indexed = {key.column for index in each.table.indexes for key in index.keys}
    if kind.expression is None or not (is_first_key or is_lower or column.name in indexed):
        return
    options: dict[str, object] = {
        "column": column.name,
        "nullable": may_be_null(column, each),
        **({"ignore_case": True} if is_lower else {}),
    }
    field = evaluate(named(kind.expression, each.fields[column.name]).having(**options))
    assert isinstance(field, Field)  # noqa: S101 - what each kind is
    is_tenant = column.name == each.tenant
    operators = [
        operator
        for operator in _operators(field, is_ranged=not is_reference and not is_plain_key)
        if not is_tenant and is_met(need_for_filter(each, field, operator), each.table)
    ]
    if operators:
        yield "filter", operators[0] if len(operators) == 1 else operators
    sort = of_tenant(need_of_sort(field, (), is_unique=True), each.indexed_tenant)
    is_sorted = type(field).__name__ not in UNSORTED and is_met(sort, each.table)
    if (is_sorted and not is_tenant) or is_first_key:
        yield "sort", True
    kinds = ("m", "r", "p") if each.has_tenant else ("m",)
    if is_first_key and not is_sorted and each.table.kind in kinds:
        yield "unindexed", True  # lists are sorted by the key, although no index has this order


def need_for_filter(each: AdoptedTable, field: Field, operator: str) -> Need:
    """Return what a filter of a table needs."""
    is_unique = unique_index(field.column, each) is not None or each.key == (field.column,)
    is_of_one = operator in ONE_VALUE and (is_unique or field.column in each.references_tenants)
    return of_tenant(need_of_filter(field, operator), each.indexed_tenant, is_of_one=is_of_one)


def _operators(field: Field, *, is_ranged: bool) -> Iterator[str]:
    """Yield the filters that a field can have, if there is an index."""
    kind = type(field).__name__
    wanted = ["in" if "in" in field.filter_operators else "equal"]
    if kind in RANGED and is_ranged:
        wanted.append("range")
    wanted += ["prefix", "has", "contains"]
    if field.nullable:
        wanted.append("is_null")
    allowed = {*field.filter_operators} - ({"equal"} if kind == "Array" else set())
    yield from (operator for operator in wanted if operator in allowed)


def payload_fields(each: AdoptedTable) -> list[Expression] | None:
    """Return the fields of a junction table beside its key.

    None: the table has a column that a link cannot have, such as an id of its own.
    """
    found = []
    for column in each.table.columns:
        if column.name in (*each.key, each.tenant) or column.generated:
            continue
        kind = each.kinds[column.name]
        is_free = kind.is_nullable or kind.default is not None
        if column.identity or column.sequence:
            return None
        if kind.expression is None or is_sensitive(column.name, kind):
            if not is_free:
                return None
            continue
        options = dict(_options(column, each, kind, is_reference=False))
        is_set = options.pop("read_only", False)
        for name in ("unique", "filter", "sort"):
            options.pop(name, None)
        if is_set:
            options["optional"] = True
        found.append(named(kind.expression, each.fields[column.name]).having(**options))
    return found


def _comment(column: TableColumn, each: AdoptedTable, options: Mapping[str, object]) -> str:
    """Return the comment of a field that a person may change later."""
    if options.get("unindexed") and each.has_tenant:
        keys = ", ".join(dict.fromkeys((each.tenant_column, *each.key)))
        return f"No index begins with {keys}: with one, remove unindexed=True."
    is_always = column.generated or column.identity == "a" or column.name in each.key
    if not options.get("read_only") or is_always or column.name == each.tenant:
        return ""
    return "Set by the database. With optional=True instead of read_only=True clients may set it."


def _with_free_filters(member: DraftMember, taken: set[str]) -> DraftMember:
    """Return the member, with `filter_name` if another filter or parameter has such a name."""
    expression = member.expression
    if expression is None or "filter" not in expression.options:
        return member
    candidates = chain(
        [expression],
        (expression.having(filter_name=name) for name in numbered(f"{_name(expression)}_value")),
    )
    free = next(
        candidate
        for candidate in candidates
        if not any(_is_taken(name, taken) for name in _filter_names(candidate))
    )
    taken.update(_filter_names(free))
    return member._replace(expression=free)


def _name(expression: Expression) -> str:
    field = evaluate(expression)
    return field.name if isinstance(field, Field) else ""


def _is_taken(name: str, taken: set[str]) -> bool:
    is_reserved = name in LIST_PARAMETERS or name == "search" or POSITION.fullmatch(name)
    return name in taken or bool(is_reserved)


def _filter_names(expression: Expression) -> Sequence[str]:
    field = evaluate(expression)
    return list(field.filters()) if isinstance(field, Field) else []
