"""A tree as SQL again: the text that PostgreSQL gets, of nothing but what was read and allowed.

Every name is quoted, every expression in parentheses, every text safe whatever standard_conforming_strings is. validator.py
reads the text once more, and runs it only where it means the same.
"""

from collections.abc import Callable, Sequence

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.parser import Node, Number

# The options of a window's frame (FRAMEOPTION_…), and how its start and end are written.
DEFAULT_FRAME = 0x422
UNITS = {0x2: "RANGE", 0x4: "ROWS", 0x8: "GROUPS"}
STARTS = {
    0x20: "UNBOUNDED PRECEDING",
    0x80: "UNBOUNDED FOLLOWING",
    0x200: "CURRENT ROW",
    0x800: "{} PRECEDING",
    0x2000: "{} FOLLOWING",
}
ENDS = {bit * 2: words for bit, words in STARTS.items()}
JOINS = {
    "JOIN_INNER": "JOIN",
    "JOIN_LEFT": "LEFT JOIN",
    "JOIN_RIGHT": "RIGHT JOIN",
    "JOIN_FULL": "FULL JOIN",
}
SET_OPERATIONS = {"SETOP_UNION": "UNION", "SETOP_INTERSECT": "INTERSECT", "SETOP_EXCEPT": "EXCEPT"}
MATERIALIZED = {"CTEMaterializeAlways": "MATERIALIZED ", "CTEMaterializeNever": "NOT MATERIALIZED "}
DIRECTIONS = {"SORTBY_ASC": " ASC", "SORTBY_DESC": " DESC"}
NULLS = {"SORTBY_NULLS_FIRST": " NULLS FIRST", "SORTBY_NULLS_LAST": " NULLS LAST"}
GROUPINGS = {
    "GROUPING_SET_ROLLUP": "ROLLUP",
    "GROUPING_SET_CUBE": "CUBE",
    "GROUPING_SET_SETS": "GROUPING SETS",
}
TESTS = {
    "IS_NULL": "IS NULL", "IS_NOT_NULL": "IS NOT NULL", "IS_TRUE": "IS TRUE", "IS_NOT_TRUE": "IS NOT TRUE",
    "IS_FALSE": "IS FALSE", "IS_NOT_FALSE": "IS NOT FALSE", "IS_UNKNOWN": "IS UNKNOWN",
    "IS_NOT_UNKNOWN": "IS NOT UNKNOWN",
}  # fmt: skip


def write(query: Node) -> str:
    """A SELECT, without parentheses around it."""
    parts = []
    if query["withClause"]:
        parts.append("WITH " + ", ".join(map(_cte, query["withClause"].list("ctes"))))
    if query["op"] not in (None, "SETOP_NONE"):
        every = " ALL" if query["all"] else ""
        parts.append(
            f"({write(query['larg'])}) {SET_OPERATIONS[query['op']]}{every} ({write(query['rarg'])})"
        )
    elif query["valuesLists"]:
        parts.append(
            "VALUES "
            + ", ".join(f"({_list(row.list('items'))})" for row in query.list("valuesLists"))
        )
    else:
        parts.append(_select(query))
    if query.list("sortClause"):
        parts.append(f"ORDER BY {_sorted(query.list('sortClause'))}")
    if query["limitOffset"] is not None:
        parts.append(f"OFFSET {_operand(query['limitOffset'])}")
    if query["limitCount"] is not None:
        ties = query["limitOption"] == "LIMIT_OPTION_WITH_TIES"
        count = _operand(query["limitCount"])
        parts.append(f"FETCH FIRST ({count}) ROWS WITH TIES" if ties else f"LIMIT {count}")
    return " ".join(parts)


def _cte(cte: Node) -> str:
    how = MATERIALIZED.get(cte["ctematerialized"], "")
    return f"{name(cte['ctename'])}{_names(cte.list('aliascolnames'))} AS {how}({write(cte['ctequery'])})"


def _select(select: Node) -> str:
    parts = ["SELECT"]
    if select["distinctClause"] is not None:
        on = select.list("distinctClause")
        parts.append(f"DISTINCT ON ({_list(on)})" if on else "DISTINCT")
    parts.append(", ".join(map(_target, select.list("targetList"))))
    if select.list("fromClause"):
        parts.append("FROM " + ", ".join(map(_source, select.list("fromClause"))))
    if select["whereClause"] is not None:
        parts.append(f"WHERE {expression(select['whereClause'])}")
    if select.list("groupClause"):
        parts.append("GROUP BY " + ", ".join(map(_group, select.list("groupClause"))))
    if select["havingClause"] is not None:
        parts.append(f"HAVING {expression(select['havingClause'])}")
    if select.list("windowClause"):
        windows = (
            f"{name(window['name'])} AS ({_window(window)})"
            for window in select.list("windowClause")
        )
        parts.append("WINDOW " + ", ".join(windows))
    return " ".join(parts)


def _target(target: Node) -> str:
    alias = f" AS {name(target['name'])}" if target["name"] is not None else ""
    return expression(target["val"]) + alias


def _source(item: Node) -> str:
    if item.kind == "JoinExpr":
        return _join(item)
    alias = (
        f" AS {name(item['alias']['aliasname'])}{_names(item['alias'].list('colnames'))}"
        if item["alias"]
        else ""
    )
    if item.kind == "RangeVar":
        schema = f"{name(item['schemaname'])}." if item["schemaname"] else ""
        return f"{schema}{name(item['relname'])}{alias}"
    lateral = "LATERAL " if item["lateral"] else ""
    if item.kind == "RangeFunction":
        return f"{expression(item.list('functions')[0].list('items')[0])}{alias}"
    return f"{lateral}({write(item['subquery'])}){alias}"


def _join(join: Node) -> str:
    left, right = (_joined(join[side]) for side in ("larg", "rarg"))
    using = [name(part["sval"]) for part in join.list("usingClause")]
    if using:
        return f"{left} {JOINS[join['jointype']]} {right} USING ({', '.join(using)})"
    if join["quals"] is None:
        return f"{left} CROSS JOIN {right}"
    return f"{left} {JOINS[join['jointype']]} {right} ON {expression(join['quals'])}"


def _joined(item: Node) -> str:
    return f"({_source(item)})" if item.kind == "JoinExpr" else _source(item)


def _group(node: Node) -> str:
    if node.kind != "GroupingSet":
        return expression(node)
    if node["kind"] == "GROUPING_SET_EMPTY":
        return "()"
    return f"{GROUPINGS[node['kind']]} ({', '.join(map(_group, node.list('content')))})"


def _window(window: Node) -> str:
    parts = [name(window["refname"])] if window["refname"] else []
    if window.list("partitionClause"):
        parts.append(f"PARTITION BY {_list(window.list('partitionClause'))}")
    if window.list("orderClause"):
        parts.append(f"ORDER BY {_sorted(window.list('orderClause'))}")
    options = int(window["frameOptions"] or DEFAULT_FRAME)
    if options != DEFAULT_FRAME:
        start = next(words for bit, words in STARTS.items() if options & bit)
        end = next((words for bit, words in ENDS.items() if options & bit), "CURRENT ROW")
        start = start.format(
            _operand(window["startOffset"]) if window["startOffset"] is not None else ""
        )
        end = end.format(_operand(window["endOffset"]) if window["endOffset"] is not None else "")
        unit = next(words for bit, words in UNITS.items() if options & bit)
        parts.append(f"{unit} BETWEEN {start} AND {end}" if options & 0x10 else f"{unit} {start}")
    return " ".join(parts)


def _sorted(items: Sequence[Node]) -> str:
    return ", ".join(
        _operand(item["node"])
        + DIRECTIONS.get(item["sortby_dir"], "")
        + NULLS.get(item["sortby_nulls"], "")
        for item in items
    )


def name(text: str) -> str:
    """An identifier, quoted."""
    return '"' + text.replace('"', '""') + '"'


def _names(names: Sequence[Node]) -> str:
    return f" ({', '.join(name(part['sval']) for part in names)})" if names else ""


def text(value: str) -> str:
    """A string, whatever standard_conforming_strings is."""
    quoted = "'" + value.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def _list(nodes: Sequence[Node]) -> str:
    return ", ".join(map(expression, nodes))


def expression(node: Node) -> str:
    """An expression; all but constants, columns and calls in parentheses."""
    return _WRITERS[node.kind](node)


def _operand(node: Node) -> str:
    """Where a clause follows: constants stay bare, as `ORDER BY 1` means a column."""
    return expression(node)


def _column(node: Node) -> str:
    return ".".join(
        "*" if part.kind == "A_Star" else name(part["sval"]) for part in node.list("fields")
    )


def _constant(node: Node) -> str:
    value = node["value"]
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Number):
        return f"({value})" if value.startswith("-") else str(value)
    return text(value) if isinstance(value, str) else (f"({value})" if value < 0 else str(value))


def _operation(node: Node) -> str:
    kind, left, right = node["kind"], node["lexpr"], node["rexpr"]
    operator = node.list("name")[0]["sval"]
    if kind == "AEXPR_NULLIF":
        return f"NULLIF({expression(left)}, {expression(right)})"
    first = "" if left is None else expression(left) + " "
    if kind in ("AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN"):
        low, high = map(expression, right.list("items"))
        return f"({first}{allowlist.EXPRESSIONS[kind]} {low} AND {high})"
    if kind == "AEXPR_IN":
        return f"({first}{'NOT IN' if operator == '<>' else 'IN'} ({_list(right.list('items'))}))"
    if kind in ("AEXPR_LIKE", "AEXPR_ILIKE"):
        negated = "NOT " if operator.startswith("!") else ""
        return f"({first}{negated}{allowlist.EXPRESSIONS[kind]} {expression(right)})"
    if kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL"):
        return f"({first}{operator} {allowlist.EXPRESSIONS[kind]} ({expression(right)}))"
    word = operator if kind == "AEXPR_OP" else allowlist.EXPRESSIONS[kind]
    return f"({first}{word} {expression(right)})"


def _boolean(node: Node) -> str:
    if node["boolop"] == "NOT_EXPR":
        return f"(NOT {expression(node.list('args')[0])})"
    word = " AND " if node["boolop"] == "AND_EXPR" else " OR "
    return f"({word.join(map(expression, node.list('args')))})"


def _test(node: Node) -> str:
    return f"({expression(node['arg'])} {TESTS[node['nulltesttype'] or node['booltesttype']]})"


def _case(node: Node) -> str:
    of = f" {expression(node['arg'])}" if node["arg"] is not None else ""
    whens = "".join(
        f" WHEN {expression(w['expr'])} THEN {expression(w['result'])}" for w in node.list("args")
    )
    other = f" ELSE {expression(node['defresult'])}" if node["defresult"] is not None else ""
    return f"(CASE{of}{whens}{other} END)"


def _call(node: Node) -> str:
    called = ".".join(name(part["sval"]) for part in node.list("funcname"))
    distinct = "DISTINCT " if node["agg_distinct"] else ""
    args = "*" if node["agg_star"] else _list(node.list("args"))
    order = f"ORDER BY {_sorted(node.list('agg_order'))}" if node.list("agg_order") else ""
    if node["agg_within_group"]:
        written = f"{called}({args}) WITHIN GROUP ({order})"
    else:
        written = f"{called}({distinct}{args}{' ' + order if order else ''})"
    if node["agg_filter"] is not None:
        written += f" FILTER (WHERE {expression(node['agg_filter'])})"
    over = node["over"]
    if over is None:
        return written
    return (
        f"{written} OVER {name(over['name'])}"
        if over["name"]
        else f"{written} OVER ({_window(over)})"
    )


def _subquery(node: Node) -> str:
    kind, query = node["subLinkType"], write(node["subselect"])
    if kind in ("EXPR_SUBLINK", "EXISTS_SUBLINK", "ARRAY_SUBLINK"):
        return f"{ {'EXISTS_SUBLINK': 'EXISTS ', 'ARRAY_SUBLINK': 'ARRAY'}.get(kind, '') }({query})"
    operator = node.list("operName")
    if not operator:
        return f"({expression(node['testexpr'])} IN ({query}))"
    quantifier = "ALL" if kind == "ALL_SUBLINK" else "ANY"
    return f"({expression(node['testexpr'])} {operator[0]['sval']} {quantifier} ({query}))"


def _cast(node: Node) -> str:
    type_ = node["typeName"]
    names = ".".join(name(part["sval"]) for part in type_.list("names"))
    modifiers = f"({_list(type_.list('typmods'))})" if type_.list("typmods") else ""
    return f"CAST({expression(node['arg'])} AS {names}{modifiers})"


def _now(node: Node) -> str:
    precision = f"({int(node['typmod'] or 0)})" if node["op"] == "SVFOP_CURRENT_TIMESTAMP_N" else ""
    return allowlist.NOW[node["op"]] + precision


_WRITERS: dict[str, Callable[[Node], str]] = {
    "ColumnRef": _column,
    "A_Const": _constant,
    "A_Expr": _operation,
    "BoolExpr": _boolean,
    "NullTest": _test,
    "BooleanTest": _test,
    "CaseExpr": _case,
    "CoalesceExpr": lambda node: f"COALESCE({_list(node.list('args'))})",
    "MinMaxExpr": lambda node: f"{node['op'].removeprefix('IS_')}({_list(node.list('args'))})",
    "FuncCall": _call,
    "SubLink": _subquery,
    "TypeCast": _cast,
    "A_ArrayExpr": lambda node: f"ARRAY[{_list(node.list('elements'))}]",
    "RowExpr": lambda node: f"ROW({_list(node.list('args'))})",
    "SQLValueFunction": _now,
    "GroupingFunc": lambda node: f"GROUPING({_list(node.list('args'))})",
    "NamedArgExpr": lambda node: f"{name(node['name'])} => {expression(node['arg'])}",
}
