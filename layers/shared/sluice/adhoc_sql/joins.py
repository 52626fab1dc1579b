"""How many rows a join has at most: its tables multiplied, but for those that the others determine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.scope import Frame, names_of


@dataclass(frozen=True)
class Equality:
    """`column` of `alias` is a constant, or a column of the source `of`; with `filled`, or there is no row of `of`."""

    alias: str
    column: str
    of: str | None
    filled: bool = False


def rows_of(frame: Frame, select: Node) -> float:
    """The most rows that FROM and WHERE can give. Conditions count only where they are equalities with a key."""
    equalities = list(_of_condition(select["whereClause"], frame, None))
    for item in select.list("fromClause"):
        equalities += _of_item(item, frame)
    down = sorted(frame.sources, key=lambda alias: -frame.sources[alias].rows)
    orders = [down, down[::-1], *([*(a for a in down if a != last), last] for last in down)]
    return min(_product(order, frame, equalities) for order in orders)


def _product(order: Sequence[str], frame: Frame, equalities: Sequence[Equality]) -> float:
    """The rows of the sources multiplied, without those that the rest determines; left out in this order."""
    rows = {alias: max(1.0, source.rows) for alias, source in frame.sources.items()}
    remaining = set(rows)
    strict = [equality for equality in equalities if not equality.filled]
    for alias in order:
        others = remaining - {alias}
        if alias not in _determined(others, frame, equalities):
            continue
        remaining = others
        if alias not in _determined(others, frame, strict):
            for by in {
                equality.of
                for equality in equalities
                if equality.alias == alias and equality.filled
            }:
                rows[by or alias] += rows[
                    alias
                ]  # each of its rows once more, without one of the other
    product = 1.0
    for alias in remaining:
        product *= rows[alias]
    return product


def _determined(known: set[str], frame: Frame, equalities: Sequence[Equality]) -> set[str]:
    """The sources of which no more than one row goes with a row of each of the known ones."""
    known = set(known)
    while True:
        fixed: dict[str, set[str]] = {}
        for equality in equalities:
            if equality.of is None or equality.of in known:
                fixed.setdefault(equality.alias, set()).add(equality.column)
        more = {
            alias
            for alias, source in frame.sources.items()
            if alias not in known and any(key <= fixed.get(alias, set()) for key in source.keys)
        }
        if not more:
            return known
        known |= more


def _of_item(item: Node, frame: Frame) -> Iterator[Equality]:
    """The equalities of a join; those of an outer one do not hold for the rows that it fills up with nulls."""
    if item.kind != "JoinExpr":
        return
    yield from _of_item(item["larg"], frame)
    yield from _of_item(item["rarg"], frame)
    left, right = _aliases(item["larg"]), _aliases(item["rarg"])
    kept = {"JOIN_LEFT": left, "JOIN_RIGHT": right, "JOIN_FULL": left | right}.get(
        item["jointype"], set()
    )
    yield from _of_condition(item["quals"], frame, kept)
    for name in (part["sval"] for part in item.list("usingClause")):
        ours = [a for a in left if any(name == own for own, _ in frame.sources[a].columns)]
        theirs = [a for a in right if any(name == own for own, _ in frame.sources[a].columns)]
        if len(ours) == len(theirs) == 1:
            for alias, other in ((ours[0], theirs[0]), (theirs[0], ours[0])):
                yield Equality(alias, name, other, alias in kept)


def _aliases(item: Node) -> set[str]:
    if item.kind == "JoinExpr":
        return _aliases(item["larg"]) | _aliases(item["rarg"])
    if item["alias"] is not None:
        return {str(item["alias"]["aliasname"])}
    return {str(item["relname"] or "generate_series")}


def _of_condition(
    condition: Node | None, frame: Frame, kept: set[str] | None
) -> Iterator[Equality]:
    """The equalities of a condition. `kept` are the sources of which a row stays where it is not true."""
    if condition is None:
        return
    if condition.kind == "BoolExpr" and condition["boolop"] == "AND_EXPR":
        for part in condition.list("args"):
            yield from _of_condition(part, frame, kept)
        return
    is_equality = condition.kind == "A_Expr" and condition["kind"] == "AEXPR_OP"
    if (
        not is_equality
        or [part["sval"] for part in condition.list("name")] != ["="]
        or condition["lexpr"] is None
    ):
        return
    left, right = condition["lexpr"], condition["rexpr"]
    for one, other in ((left, right), (right, left)):
        column, source = _column(one, frame), _column(other, frame)
        if column is None:
            continue
        filled = kept is not None and column[0] in kept
        if source is not None and source[0] != column[0]:
            yield Equality(*column, source[0], filled)
        elif (
            source is None and not filled and not any(_is_of(node, frame) for node in other.walk())
        ):
            yield Equality(*column, None)


def _is_of(node: Node, frame: Frame) -> bool:
    """Return whether its value differs by row of this frame. A column of an outer query does not."""
    if node.kind != "ColumnRef":
        return node.kind == "SubLink"
    names = names_of(node)
    if names is None or len(names) > 2:
        return True
    if len(names) == 2:
        return names[0] in frame.sources
    return bool(frame.named(names[0]))


def _column(node: Node, frame: Frame) -> tuple[str, str] | None:
    """The source and the name of a column of this frame; None for anything else."""
    names = names_of(node) if node.kind == "ColumnRef" else None
    if names is None:
        return None
    if len(names) == 3 and names[0] == "public" and names[1] in frame.schemas:
        names = [frame.schemas[names[1]], names[2]]
    if len(names) == 2 and names[0] in frame.sources:
        return names[0], names[1]
    having = [
        alias
        for alias, source in frame.sources.items()
        if any(names == [own] for own, _ in source.columns)
    ]
    return (having[0], names[0]) if len(having) == 1 and len(names) == 1 else None
