"""Generate the SQL that PostgreSQL runs from a parse tree.

The SQL contains only nodes that the parser has allowed. Every name is quoted, every operation is in
parentheses, and strings are safe for both values of standard_conforming_strings. validator.py
parses the SQL again, and rejects the query if the tree is not the same.
"""

from collections.abc import Callable, Sequence

from sluice.adhoc_sql import allowlist
from sluice.adhoc_sql.parser import Node, Number

# The bits of a window frame (FRAMEOPTION_…), and the syntax of its start and end.
DEFAULT_FRAME = 0x422
FRAMEOPTION_BETWEEN = 0x10
FRAME_UNITS = {0x2: "RANGE", 0x4: "ROWS", 0x8: "GROUPS"}
FRAME_STARTS = {
    0x20: "UNBOUNDED PRECEDING",
    0x80: "UNBOUNDED FOLLOWING",
    0x200: "CURRENT ROW",
    0x800: "{} PRECEDING",
    0x2000: "{} FOLLOWING",
}
FRAME_ENDS = {bit * 2: words for bit, words in FRAME_STARTS.items()}
JOINS = {
    "JOIN_INNER": "JOIN",
    "JOIN_LEFT": "LEFT JOIN",
    "JOIN_RIGHT": "RIGHT JOIN",
    "JOIN_FULL": "FULL JOIN",
}
SET_OPERATIONS = {"SETOP_UNION": "UNION", "SETOP_INTERSECT": "INTERSECT", "SETOP_EXCEPT": "EXCEPT"}
MATERIALIZED = {
    "CTEMaterializeAlways": "MATERIALIZED ",
    "CTEMaterializeNever": "NOT MATERIALIZED ",
}
DIRECTIONS = {"SORTBY_ASC": " ASC", "SORTBY_DESC": " DESC"}
NULLS = {"SORTBY_NULLS_FIRST": " NULLS FIRST", "SORTBY_NULLS_LAST": " NULLS LAST"}
GROUPINGS = {
    "GROUPING_SET_ROLLUP": "ROLLUP",
    "GROUPING_SET_CUBE": "CUBE",
    "GROUPING_SET_SETS": "GROUPING SETS",
}
TESTS = {
    "IS_NULL": "IS NULL",
    "IS_NOT_NULL": "IS NOT NULL",
    "IS_TRUE": "IS TRUE",
    "IS_NOT_TRUE": "IS NOT TRUE",
    "IS_FALSE": "IS FALSE",
    "IS_NOT_FALSE": "IS NOT FALSE",
    "IS_UNKNOWN": "IS UNKNOWN",
    "IS_NOT_UNKNOWN": "IS NOT UNKNOWN",
}
SUBLINK_PREFIXES = {"EXPR_SUBLINK": "", "EXISTS_SUBLINK": "EXISTS ", "ARRAY_SUBLINK": "ARRAY"}


def deparse(query: Node) -> str:
    """Return the SQL of a SELECT, without parentheses around it."""
    parts = []
    if query["withClause"]:
        parts.append("WITH " + ", ".join(map(_cte, query["withClause"].list("ctes"))))
    if query["op"] not in (None, "SETOP_NONE"):
        parts.append(_set_operation(query))
    elif query["valuesLists"]:
        rows = (f"({_list(row.list('items'))})" for row in query.list("valuesLists"))
        parts.append("VALUES " + ", ".join(rows))
    else:
        parts.append(_select(query))
    if query.list("sortClause"):
        parts.append(f"ORDER BY {_order(query.list('sortClause'))}")
    if query["limitOffset"] is not None:
        parts.append(f"OFFSET {expression(query['limitOffset'])}")
    if query["limitCount"] is not None:
        ties = query["limitOption"] == "LIMIT_OPTION_WITH_TIES"
        count = expression(query["limitCount"])
        parts.append(f"FETCH FIRST ({count}) ROWS WITH TIES" if ties else f"LIMIT {count}")
    return " ".join(parts)


def _set_operation(query: Node) -> str:
    operator = SET_OPERATIONS[query["op"]] + (" ALL" if query["all"] else "")
    return f"({deparse(query['larg'])}) {operator} ({deparse(query['rarg'])})"


def _cte(cte: Node) -> str:
    name = quote_identifier(cte["ctename"])
    columns = _column_list(cte.list("aliascolnames"))
    materialized = MATERIALIZED.get(cte["ctematerialized"], "")
    return f"{name}{columns} AS {materialized}({deparse(cte['ctequery'])})"


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
            f"{quote_identifier(window['name'])} AS ({_window(window)})"
            for window in select.list("windowClause")
        )
        parts.append("WINDOW " + ", ".join(windows))
    return " ".join(parts)


def _target(target: Node) -> str:
    sql = expression(target["val"])
    return sql if target["name"] is None else f"{sql} AS {quote_identifier(target['name'])}"


def _source(item: Node) -> str:
    if item.kind == "JoinExpr":
        return _join(item)
    alias = ""
    if item["alias"]:
        name = quote_identifier(item["alias"]["aliasname"])
        alias = f" AS {name}{_column_list(item['alias'].list('colnames'))}"
    if item.kind == "RangeVar":
        schema = f"{quote_identifier(item['schemaname'])}." if item["schemaname"] else ""
        return f"{schema}{quote_identifier(item['relname'])}{alias}"
    if item.kind == "RangeFunction":
        return f"{expression(item.list('functions')[0].list('items')[0])}{alias}"
    lateral = "LATERAL " if item["lateral"] else ""
    return f"{lateral}({deparse(item['subquery'])}){alias}"


def _join(join: Node) -> str:
    left, right = (_join_side(join[side]) for side in ("larg", "rarg"))
    using = [quote_identifier(part["sval"]) for part in join.list("usingClause")]
    if using:
        return f"{left} {JOINS[join['jointype']]} {right} USING ({', '.join(using)})"
    if join["quals"] is None:
        return f"{left} CROSS JOIN {right}"
    return f"{left} {JOINS[join['jointype']]} {right} ON {expression(join['quals'])}"


def _join_side(item: Node) -> str:
    return f"({_source(item)})" if item.kind == "JoinExpr" else _source(item)


def _group(node: Node) -> str:
    if node.kind != "GroupingSet":
        return expression(node)
    if node["kind"] == "GROUPING_SET_EMPTY":
        return "()"
    return f"{GROUPINGS[node['kind']]} ({', '.join(map(_group, node.list('content')))})"


def _window(window: Node) -> str:
    parts = [quote_identifier(window["refname"])] if window["refname"] else []
    if window.list("partitionClause"):
        parts.append(f"PARTITION BY {_list(window.list('partitionClause'))}")
    if window.list("orderClause"):
        parts.append(f"ORDER BY {_order(window.list('orderClause'))}")
    options = int(window["frameOptions"] or DEFAULT_FRAME)
    if options != DEFAULT_FRAME:
        parts.append(_window_frame(window, options))
    return " ".join(parts)


def _window_frame(window: Node, options: int) -> str:
    start = next(words for bit, words in FRAME_STARTS.items() if options & bit)
    end = next((words for bit, words in FRAME_ENDS.items() if options & bit), "CURRENT ROW")
    if window["startOffset"] is not None:
        start = start.format(expression(window["startOffset"]))
    if window["endOffset"] is not None:
        end = end.format(expression(window["endOffset"]))
    unit = next(words for bit, words in FRAME_UNITS.items() if options & bit)
    if options & FRAMEOPTION_BETWEEN:
        return f"{unit} BETWEEN {start} AND {end}"
    return f"{unit} {start}"


def _order(items: Sequence[Node]) -> str:
    return ", ".join(
        expression(item["node"])
        + DIRECTIONS.get(item["sortby_dir"], "")
        + NULLS.get(item["sortby_nulls"], "")
        for item in items
    )


def quote_identifier(name: str) -> str:
    """Return the name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def _column_list(names: Sequence[Node]) -> str:
    if not names:
        return ""
    columns = ", ".join(quote_identifier(part["sval"]) for part in names)
    return f" ({columns})"


def quote_literal(value: str) -> str:
    """Return the string as a literal that is safe with standard_conforming_strings on and off."""
    quoted = "'" + value.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def _list(nodes: Sequence[Node]) -> str:
    return ", ".join(map(expression, nodes))


def expression(node: Node) -> str:
    """Return the SQL of an expression.

    Operations are in parentheses; constants, columns and calls are not.
    """
    return _WRITERS[node.kind](node)


def _column(node: Node) -> str:
    return ".".join(
        "*" if part.kind == "A_Star" else quote_identifier(part["sval"])
        for part in node.list("fields")
    )


def _constant(node: Node) -> str:
    value = node["value"]
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str) and not isinstance(value, Number):
        return quote_literal(value)
    number = str(value)
    return f"({number})" if number.startswith("-") else number


def _operation(node: Node) -> str:
    kind, left, right = node["kind"], node["lexpr"], node["rexpr"]
    operator = node.list("name")[0]["sval"]
    keyword = allowlist.OPERATOR_KINDS[kind]
    if kind == "AEXPR_NULLIF":
        return f"NULLIF({expression(left)}, {expression(right)})"
    first = "" if left is None else expression(left) + " "
    if kind in ("AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN"):
        low, high = map(expression, right.list("items"))
        return f"({first}{keyword} {low} AND {high})"
    if kind == "AEXPR_IN":
        keyword = "NOT IN" if operator == "<>" else "IN"
        return f"({first}{keyword} ({_list(right.list('items'))}))"
    if kind in ("AEXPR_LIKE", "AEXPR_ILIKE"):
        negation = "NOT " if operator.startswith("!") else ""
        return f"({first}{negation}{keyword} {expression(right)})"
    if kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL"):
        return f"({first}{operator} {keyword} ({expression(right)}))"
    if kind == "AEXPR_OP":
        keyword = operator
    return f"({first}{keyword} {expression(right)})"


def _boolean(node: Node) -> str:
    if node["boolop"] == "NOT_EXPR":
        return f"(NOT {expression(node.list('args')[0])})"
    operator = " AND " if node["boolop"] == "AND_EXPR" else " OR "
    return f"({operator.join(map(expression, node.list('args')))})"


def _test(node: Node) -> str:
    return f"({expression(node['arg'])} {TESTS[node['nulltesttype'] or node['booltesttype']]})"


def _case(node: Node) -> str:
    operand = f" {expression(node['arg'])}" if node["arg"] is not None else ""
    whens = "".join(
        f" WHEN {expression(when['expr'])} THEN {expression(when['result'])}"
        for when in node.list("args")
    )
    default = f" ELSE {expression(node['defresult'])}" if node["defresult"] is not None else ""
    return f"(CASE{operand}{whens}{default} END)"


def _call(node: Node) -> str:
    function = ".".join(quote_identifier(part["sval"]) for part in node.list("funcname"))
    args = "*" if node["agg_star"] else _list(node.list("args"))
    order = f"ORDER BY {_order(node.list('agg_order'))}" if node.list("agg_order") else ""
    if node["agg_within_group"]:
        sql = f"{function}({args}) WITHIN GROUP ({order})"
    else:
        distinct = "DISTINCT " if node["agg_distinct"] else ""
        sql = f"{function}({distinct}{args}{' ' + order if order else ''})"
    if node["agg_filter"] is not None:
        sql += f" FILTER (WHERE {expression(node['agg_filter'])})"
    window = node["over"]
    if window is None:
        return sql
    if window["name"]:
        return f"{sql} OVER {quote_identifier(window['name'])}"
    return f"{sql} OVER ({_window(window)})"


def _subquery(node: Node) -> str:
    kind, query = node["subLinkType"], deparse(node["subselect"])
    if kind in SUBLINK_PREFIXES:
        return f"{SUBLINK_PREFIXES[kind]}({query})"
    operator = node.list("operName")
    if not operator:
        return f"({expression(node['testexpr'])} IN ({query}))"
    quantifier = "ALL" if kind == "ALL_SUBLINK" else "ANY"
    return f"({expression(node['testexpr'])} {operator[0]['sval']} {quantifier} ({query}))"


def _cast(node: Node) -> str:
    type_ = node["typeName"]
    name = ".".join(quote_identifier(part["sval"]) for part in type_.list("names"))
    modifiers = f"({_list(type_.list('typmods'))})" if type_.list("typmods") else ""
    return f"CAST({expression(node['arg'])} AS {name}{modifiers})"


def _current_time(node: Node) -> str:
    keyword = allowlist.CURRENT_TIME[node["op"]]
    if node["op"] == "SVFOP_CURRENT_TIMESTAMP_N":
        return f"{keyword}({int(node['typmod'] or 0)})"
    return keyword


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
    "SQLValueFunction": _current_time,
    "GroupingFunc": lambda node: f"GROUPING({_list(node.list('args'))})",
    "NamedArgExpr": lambda node: f"{quote_identifier(node['name'])} => {expression(node['arg'])}",
}
