"""Does every name in a statement mean a column of a table it may read? PostgreSQL's rules of scope, and nothing else.

`products.row_to_json` is a call of a function to PostgreSQL where no such column is, and `products` alone a whole row:
so each column is found here first, or refused, before PostgreSQL is asked.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from sluice.analyst.refusal import refuse
from sluice.analyst.vocabulary import TABLES, Columns

NAMELESS = "?column?"  # PostgreSQL's own
NAMES = {
    "Array": "array", "AtTimeZone": "timezone", "Case": "case", "CurrentDate": "current_date", "Exists": "exists",
    "CurrentTimestamp": "current_timestamp", "Extract": "extract", "StrPosition": "position",
    "Substring": "substring", "Trim": "btrim",
}  # fmt: skip
Tables = Mapping[str, Columns]  # what WITH has named


@dataclass
class Frame:
    """What one SELECT sees: its sources in FROM, by alias, and the columns that USING has made one."""

    sources: dict[str, Columns] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)

    def add(self, alias: str, columns: Columns, node: exp.Expr) -> None:
        if alias in self.sources:
            refuse(f"the name {alias} stands twice in FROM", node)
        self.sources[alias] = columns

    def columns(self) -> Columns:
        """As `*` gives them; those of USING once, and first."""
        rest = [name for columns in self.sources.values() for name in columns if name not in self.merged]
        first = [name for columns in self.sources.values() for name in columns if name in self.merged]
        return (*dict.fromkeys(first), *rest)

    def count(self, name: str) -> int:
        found = sum(columns.count(name) for columns in self.sources.values())
        return min(found, 1) if name in self.merged else found


Frames = tuple[Frame, ...]  # the innermost first


def resolve(query: exp.Expr, tables: Tables | None = None, outer: Frames = ()) -> Columns:
    """The names of the query's columns; QueryRefused for a name that means nothing, or several things."""
    tables = dict(tables or {})
    with_ = query.args.get("with_")
    for cte in with_.expressions if with_ else ():
        name = cte.alias
        tables[name] = _renamed(resolve(cte.this, tables, outer), cte.args["alias"])
    if isinstance(query, exp.Select):
        return _select(query, tables, outer)
    if isinstance(query, exp.SetOperation):
        columns = resolve(query.this, tables, outer)
        if len(columns) != len(resolve(query.expression, tables, outer)):
            refuse("UNION, INTERSECT and EXCEPT want the same number of columns on both sides", query)
        _order_by_outputs(query, columns)
        return columns
    if isinstance(query, exp.Subquery):
        columns = resolve(query.this, tables, outer)
        _order_by_outputs(query, columns)
        return columns
    if not isinstance(query, exp.Values):
        refuse("only SELECT may be run", query)
    for row in query.expressions:
        _look_through(row, tables, outer)
    return tuple(f"column{n + 1}" for n in range(len(query.expressions[0].expressions)))


def _select(select: exp.Select, tables: Tables, outer: Frames) -> Columns:
    frame = Frame()
    frames = (frame, *outer)
    from_ = select.args.get("from_")
    if from_:
        _source(from_.this, frame, tables, outer)
    for lateral in select.args.get("laterals") or ():
        _source(lateral, frame, tables, outer)
    outputs = _outputs(select, frame)
    for part in ("expressions", "where", "having", "windows", "limit", "offset"):
        for node in _parts(select, part):
            _look_through(node, tables, frames)
    for node in _places_of_outputs(select):
        if not (_is_bare(node) and node.name in outputs):
            _look_through(node, tables, frames)
    return outputs


def _source(node: exp.Expr, frame: Frame, tables: Tables, outer: Frames) -> None:
    """One item of FROM, and what is joined to it."""
    alias, columns = _table(node, frame, tables, outer)
    frame.add(alias, columns, node)
    for join in _joins(node):
        _source(join.this, frame, tables, outer)
        for name in join.args.get("using") or ():
            if sum(name.name in known for known in frame.sources.values()) < 2:
                refuse(f"the column {name.name} is not on both sides of USING", name)
            frame.merged.add(name.name)
        if join.args.get("on"):
            _look_through(join.args["on"], tables, (frame, *outer))


def _joins(node: exp.Expr) -> Sequence[exp.Expr]:
    """sqlglot hangs them on the SELECT, beside FROM."""
    select = node.parent.parent if isinstance(node.parent, exp.From) else None
    return (select.args.get("joins") or ()) if select is not None else ()


def _table(node: exp.Expr, frame: Frame, tables: Tables, outer: Frames) -> tuple[str, Columns]:
    """The alias and the columns of one source."""
    alias = node.args.get("alias")
    if isinstance(node, exp.Lateral):
        return node.alias, _renamed(resolve(node.this, tables, (frame, *outer)), alias)
    if isinstance(node, (exp.Subquery, exp.Values)):
        if not node.alias:
            refuse("a subquery in FROM needs a name", node)
        return node.alias, _renamed(resolve(node, tables, outer), alias)
    if not isinstance(node, exp.Table):
        refuse("this cannot stand in FROM", node)
    if isinstance(node.this, exp.Anonymous):  # generate_series, as guard.py has seen to: it names its column as itself
        _look_through(node.this, tables, ())
        name = node.alias or node.this.name.lower()
        return name, _renamed((name,), alias)
    known = tables.get(node.name) if not node.args.get("db") else None
    known = TABLES.get(node.name) if known is None else known
    if known is None:
        refuse(f"there is no table {node.name[:63]}; there are {', '.join(TABLES)}", node)
    return node.alias or node.name, _renamed(known, alias)


def _renamed(columns: Columns, alias: exp.Expr | None) -> Columns:
    names = [column.name for column in (alias.args.get("columns") or ())] if alias else []
    if len(names) > len(columns):
        refuse(f"the name has {len(names)} columns, and what it names {len(columns)}", alias)
    return (*names, *columns[len(names) :])


def _outputs(select: exp.Select, frame: Frame) -> Columns:
    names: list[str] = []
    for node in select.expressions:
        if isinstance(node, exp.Star):
            names += frame.columns()
        elif isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            names += frame.sources.get(node.table, ())
        else:
            names.append(_name(node))
    return tuple(names)


def _name(node: exp.Expr) -> str:
    """What PostgreSQL calls a column of this expression."""
    if isinstance(node, (exp.Alias, exp.Column)):
        return str(node.alias or node.name)
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    if isinstance(node, (exp.Cast, exp.Paren, exp.Filter, exp.WithinGroup, exp.Window)):
        return _name(node.this)
    return NAMES.get(type(node).__name__, NAMELESS)


def _parts(select: exp.Expr, part: str) -> Sequence[exp.Expr]:
    value = select.args.get(part)
    return value if isinstance(value, list) else [value] if value is not None else []


def _places_of_outputs(query: exp.Expr) -> Iterator[exp.Expr]:
    """What stands in GROUP BY, ORDER BY and DISTINCT ON, where a name alone may also be that of an output."""
    for part in ("group", "order", "distinct"):
        clause = query.args.get(part)
        if isinstance(clause, exp.Expr):  # UNION has a mere flag in place of DISTINCT
            items = [clause.args.get("on")] if part == "distinct" else clause.expressions
            for item in items:
                yield from _elements(item)


def _elements(item: exp.Expr | None) -> Iterator[exp.Expr]:
    if isinstance(item, exp.Ordered):
        yield from _elements(item.this)
    elif isinstance(item, (exp.Tuple, exp.Cube, exp.Rollup, exp.GroupingSets)):
        for element in item.expressions:
            yield from _elements(element)
    elif item is not None:
        yield item


def _order_by_outputs(query: exp.Expr, columns: Columns) -> None:
    for node in _places_of_outputs(query):
        if not isinstance(node, exp.Literal) and not (_is_bare(node) and node.name in columns):
            refuse("ORDER BY after UNION, INTERSECT or EXCEPT takes the names or numbers of columns", node)


def _is_bare(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and not node.table and not isinstance(node.this, exp.Star)


def _look_through(node: exp.Expr, tables: Tables, frames: Frames) -> None:
    """Every column in an expression, and every query."""
    if isinstance(node, exp.Query):
        resolve(node, tables, frames)
    elif isinstance(node, exp.Column):
        _find(node, frames)
    else:
        for child in node.iter_expressions():
            _look_through(child, tables, frames)


def _find(column: exp.Column, frames: Frames) -> None:
    if isinstance(column.this, exp.Star):
        if isinstance(column.parent, exp.Select) and column.table in frames[0].sources:
            return
        refuse(f"{column.table}.* may stand in a SELECT list, for a name in its FROM", column)
    if column.table:
        for frame in frames:
            if column.table in frame.sources:
                if column.name in frame.sources[column.table]:
                    return
                refuse(f"{column.table} has no column {column.name[:63]}", column)
        refuse(f"there is no {column.table[:63]} in FROM", column)
    for frame in frames:
        count = frame.count(column.name)
        if count == 1:
            return
        if count:
            where = [alias for alias, columns in frame.sources.items() if column.name in columns]
            refuse(f"{column.name} may be that of {' or '.join(dict.fromkeys(where))}: say which", column)
    known = Counter(name for frame in frames for columns in frame.sources.values() for name in columns)
    hint = f"; there are {', '.join(known)}" if known else ""
    refuse(f"there is no column {column.name[:63]}{hint}", column)
