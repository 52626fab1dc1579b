"""The parts of a request for a list that determine its SELECT, and the values of its parameters.

keyset.py compiles a SelectSpec to SQL.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeGuard

from sluice.sql.key import PARAMETERS
from sluice.sql.list_spec import OF, PARENT, Filter, ListQuery, ListSpec
from sluice.sql.page_cursor import Position
from sluice.sql.projection import Column, Join


class SelectSpec(NamedTuple):
    """The parts of a request that determine the text of its SELECT. All others are bound values.

    null_keys: for each key of the position, whether it is NULL; None without a position.
    until_null_keys: the same for the position at which a connection ends.
    parent_columns: the columns with the key of the parent, for lists of several parents.
    with_cursors: return the rows of a connection, in the order of reading.
    row_keys: return each of these rows with its keys.
    limit: a limit that is written into the SQL, if the server may keep the plan. A plan that knows
        no limit would read every row.
    """

    sort: tuple[tuple[str, bool], ...]
    conditions: tuple[str, ...]
    joins: tuple[Join, ...]
    fields: frozenset[str] | None
    null_keys: tuple[bool, ...] | None
    backward: bool
    inclusive: bool
    offset: bool
    total: bool
    until_null_keys: tuple[bool, ...] | None = None
    until_inclusive: bool = False
    parent_columns: tuple[str, ...] = ()
    with_cursors: bool = False
    row_keys: bool = True
    limit: int = 0
    expand: tuple[str, ...] = ()

    @property
    def generic_plan_ok(self) -> bool:
        """Whether one plan is the best for all values.

        With a filter or an offset it is not. The best plan then depends on how many rows match, or
        how many are skipped.
        """
        return self.limit > 0

    @classmethod
    def from_query(
        cls,
        list_spec: ListSpec,
        query: ListQuery,
        position: Position | None,
        foreign_key: str = "",
        *,
        of_one: bool = False,
    ) -> "SelectSpec":
        """Return the specification of the SELECT of `query`, from `position` on.

        `foreign_key` is one of `ListSpec.parents`, for lists that belong to rows. With `of_one` the
        key of the row is bound, and the condition is that of a filter.
        """
        filters = [
            (list_spec.filters[name], value) for name, value in sorted(query.filters.items())
        ]
        joins = [declared.join for declared, _ in filters]
        joins += [list_spec.sorts[name].join for name, _ in query.sort]
        by_alias = {join.alias: join for join in joins if join}
        parents = list_spec.parents[foreign_key] if foreign_key else ()
        columns = tuple(column.sql for column in parents)
        parent_columns = () if of_one else columns
        conditions = [list_spec.projection.row_condition]
        conditions += [_condition(declared, value) for declared, value in filters]
        if parent_columns:
            conditions += _parent_conditions(parent_columns)
        if of_one:
            conditions += _key_conditions(parents)
        return cls(
            sort=query.sort,
            conditions=tuple(filter(None, conditions)),
            joins=tuple(by_alias[alias] for alias in sorted(by_alias)),
            fields=query.fields,
            null_keys=null_keys_of(position) if position else None,
            backward=position.backward if position else False,
            inclusive=position.inclusive if position else False,
            offset=query.offset > 0,
            total=query.include_total,
            parent_columns=parent_columns,
            limit=0 if filters or of_one or query.offset else query.limit,
            expand=query.expand,
            row_keys=query.row_keys,
        )


def bind_values(
    list_spec: ListSpec, query: ListQuery, start: Position | None, until: Position | None = None
) -> dict[str, object]:
    """Return the parameters of the SELECT, without those of an offset."""
    params = {
        name: value[0] if _is_single(value, list_spec.filters[name]) else value
        for name, value in query.filters.items()
        if not list_spec.filters[name].false_condition
    }
    params |= {"limit": query.limit, "fetch": query.limit + 1}
    for prefix, position in (("k", start), ("s", until)):
        for n, key in enumerate(position.keys if position else ()):
            if key is not None:
                params[f"{prefix}{n}"] = key
    return params


def null_keys_of(position: Position) -> tuple[bool, ...]:
    return tuple(key is None for key in position.keys)


def _key_conditions(columns: Sequence[Column]) -> list[str]:
    """Return the conditions for the key of one parent, which is bound."""
    pairs = zip(columns, OF, strict=False)
    return [f"{column.sql} = {column.field.bind(parameter)}" for column, parameter in pairs]


def _parent_conditions(columns: Sequence[str]) -> list[str]:
    """Return the conditions for the parent's key, in forms with which its order stays.

    keyset.py says why.
    """
    pairs = [(col, f"{PARENT}.{name}") for col, name in zip(columns, PARAMETERS, strict=False)]
    equal = [f"{column} = {value}" for column, value in pairs[:-1]]
    if len(pairs) == 1:
        ((column, value),) = pairs
        return [f"{column} = ANY(ARRAY[{value}])"]
    last = [f"{column} {sign} {value}" for column, value in pairs[-1:] for sign in (">=", "<=")]
    return equal + last


def _condition(declared: Filter, value: object) -> str:
    if value is False and declared.false_condition:
        return declared.false_condition
    return declared.single_value_condition if _is_single(value, declared) else declared.condition


def _is_single(value: object, declared: Filter) -> TypeGuard[list[object]]:
    """Return whether the value is a list that is bound as its only element."""
    is_single = isinstance(value, list) and len(value) == 1
    return is_single and declared.single_value_condition != ""
