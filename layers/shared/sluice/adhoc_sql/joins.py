"""Find the most rows that a join can return: the rows of its sources, multiplied.

Sources that the other sources determine are left out. A source is determined if one of its
unique keys equals constants or columns of the other sources. Then each combination of the other
sources' rows has at most one row of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.scope import Scope, name_parts


@dataclass(frozen=True)
class Equality:
    """A condition that `column` of `alias` equals a constant, or a column of `other`.

    With `null_filled`, an outer join also returns the rows of `alias` without a match, with nulls.
    """

    alias: str
    column: str
    other: str | None
    null_filled: bool = False


def max_join_rows(scope: Scope, select: Node) -> float:
    """Return the highest number of rows that FROM and WHERE can produce.

    Of the conditions, only equalities that contain a whole unique key are used.
    """
    equalities = list(_condition_equalities(select["whereClause"], scope, None))
    for item in select.list("fromClause"):
        equalities += _item_equalities(item, scope)
    largest_first = sorted(scope.sources, key=lambda alias: -scope.sources[alias].rows)
    each_one_last = [
        [*(alias for alias in largest_first if alias != last), last] for last in largest_first
    ]
    orders = [largest_first, largest_first[::-1], *each_one_last]
    return min(_multiply_rows(order, scope, equalities) for order in orders)


def _multiply_rows(order: Sequence[str], scope: Scope, equalities: Sequence[Equality]) -> float:
    """Multiply the rows of the sources, without determined sources.

    `order` is the order in which sources are left out.
    """
    rows = {alias: max(1.0, source.rows) for alias, source in scope.sources.items()}
    remaining = set(rows)
    strict = [equality for equality in equalities if not equality.null_filled]
    for alias in order:
        others = remaining - {alias}
        if alias not in _determined(others, scope, equalities):
            continue
        remaining = others
        if alias not in _determined(others, scope, strict):
            # An outer join also returns each row of `alias` that has no match.
            matched = {
                equality.other
                for equality in equalities
                if equality.alias == alias and equality.null_filled
            }
            for other in matched:
                rows[other or alias] += rows[alias]
    return prod((rows[alias] for alias in remaining), start=1.0)


def _determined(known: set[str], scope: Scope, equalities: Sequence[Equality]) -> set[str]:
    """Return the sources with at most one row for each combination of rows of `known`."""
    known = set(known)
    while True:
        fixed: dict[str, set[str]] = {}
        for equality in equalities:
            if equality.other is None or equality.other in known:
                fixed.setdefault(equality.alias, set()).add(equality.column)
        more = {
            alias
            for alias, source in scope.sources.items()
            if alias not in known
            and any(key <= fixed.get(alias, set()) for key in source.unique_keys)
        }
        if not more:
            return known
        known |= more


def _item_equalities(item: Node, scope: Scope) -> Iterator[Equality]:
    """Yield the equalities of a join in FROM.

    Those of an outer join are not true for rows that it fills with nulls.
    """
    if item.kind != "JoinExpr":
        return
    yield from _item_equalities(item["larg"], scope)
    yield from _item_equalities(item["rarg"], scope)
    left, right = _aliases(item["larg"]), _aliases(item["rarg"])
    preserved = {"JOIN_LEFT": left, "JOIN_RIGHT": right, "JOIN_FULL": left | right}.get(
        item["jointype"], set()
    )
    yield from _condition_equalities(item["quals"], scope, preserved)
    for name in (part["sval"] for part in item.list("usingClause")):
        left_aliases = [alias for alias in scope.aliases_with(name) if alias in left]
        right_aliases = [alias for alias in scope.aliases_with(name) if alias in right]
        if len(left_aliases) == len(right_aliases) == 1:
            one, other = left_aliases[0], right_aliases[0]
            yield Equality(one, name, other, one in preserved)
            yield Equality(other, name, one, other in preserved)


def _aliases(item: Node) -> set[str]:
    if item.kind == "JoinExpr":
        return _aliases(item["larg"]) | _aliases(item["rarg"])
    if item["alias"] is not None:
        return {str(item["alias"]["aliasname"])}
    return {str(item["relname"] or "generate_series")}


def _condition_equalities(
    condition: Node | None, scope: Scope, preserved: set[str] | None
) -> Iterator[Equality]:
    """Yield the equalities that a condition requires.

    `preserved` are the sources whose rows an outer join keeps if the condition is false.
    """
    if condition is None:
        return
    if condition.kind == "BoolExpr" and condition["boolop"] == "AND_EXPR":
        for part in condition.list("args"):
            yield from _condition_equalities(part, scope, preserved)
        return
    if not _is_equality(condition):
        return
    left, right = condition["lexpr"], condition["rexpr"]
    for one, other in ((left, right), (right, left)):
        column, source = _column(one, scope), _column(other, scope)
        if column is None:
            continue
        null_filled = preserved is not None and column[0] in preserved
        if source is not None and source[0] != column[0]:
            yield Equality(*column, source[0], null_filled)
        elif source is None and not null_filled and not _depends_on(other, scope):
            yield Equality(*column, None)


def _is_equality(condition: Node) -> bool:
    if condition.kind != "A_Expr" or condition["kind"] != "AEXPR_OP":
        return False
    operator = [part["sval"] for part in condition.list("name")]
    return operator == ["="] and condition["lexpr"] is not None


def _depends_on(expression: Node, scope: Scope) -> bool:
    """Return whether the expression may have different values in the rows of this scope.

    A column of an outer query has one value; a subquery may have several.
    """
    return any(_differs_by_row(node, scope) for node in expression.walk())


def _differs_by_row(node: Node, scope: Scope) -> bool:
    if node.kind != "ColumnRef":
        return node.kind == "SubLink"
    parts = name_parts(node)
    if parts is None or len(parts) > 2:
        return True
    if len(parts) == 2:
        return parts[0] in scope.sources
    return bool(scope.columns_named(parts[0]))


def _column(node: Node, scope: Scope) -> tuple[str, str] | None:
    """Return the alias and the name of a column of this scope, or None for anything else."""
    parts = name_parts(node) if node.kind == "ColumnRef" else None
    if parts is None:
        return None
    if len(parts) == 3 and parts[0] == "public" and parts[1] in scope.schema_aliases:
        parts = [scope.schema_aliases[parts[1]], parts[2]]
    if len(parts) == 2 and parts[0] in scope.sources:
        return parts[0], parts[1]
    if len(parts) != 1:
        return None
    aliases = list(scope.aliases_with(parts[0]))
    return (aliases[0], parts[0]) if len(aliases) == 1 else None
