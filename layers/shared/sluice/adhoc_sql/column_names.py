"""Find the name that PostgreSQL uses for a result column without an alias.

These are the rules of its function FigureColname. If a name here differed from PostgreSQL's, a
reference could mean one column here and another in PostgreSQL.
"""

from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.scope import name_parts

UNNAMED = "?column?"  # PostgreSQL's own name
# The name of a cast or a CASE is weak: a strong name inside it has precedence.
WEAK = 1
STRONG = 2
NAMES = {
    "CoalesceExpr": "coalesce",
    "A_ArrayExpr": "array",
    "RowExpr": "row",
    "GroupingFunc": "grouping",
}
SUBLINK_NAMES = {"EXISTS_SUBLINK": "exists", "ARRAY_SUBLINK": "array"}


def column_name(node: Node) -> str:
    """Return the name of a result column with this expression."""
    return _name_and_strength(node)[0]


def _name_and_strength(node: Node) -> tuple[str, int]:
    if node.kind == "ColumnRef":
        return (name_parts(node) or [UNNAMED])[-1], STRONG
    if node.kind == "FuncCall":
        return str(node.list("funcname")[-1]["sval"]), STRONG
    if node.kind == "TypeCast":
        return _cast_name(node)
    if node.kind == "CaseExpr":
        return _case_name(node)
    if node.kind == "SubLink" and node["subLinkType"] == "EXPR_SUBLINK":
        return _first_column_name(node["subselect"]), STRONG
    if node.kind == "SubLink" and node["subLinkType"] in SUBLINK_NAMES:
        return SUBLINK_NAMES[node["subLinkType"]], STRONG
    if node.kind == "MinMaxExpr":
        return ("greatest" if node["op"] == "IS_GREATEST" else "least"), STRONG
    if node.kind == "A_Expr" and node["kind"] == "AEXPR_NULLIF":
        return "nullif", STRONG
    if node.kind == "SQLValueFunction":
        return str(node["op"]).removeprefix("SVFOP_").removesuffix("_N").lower(), STRONG
    return (NAMES[node.kind], STRONG) if node.kind in NAMES else (UNNAMED, 0)


def _cast_name(cast: Node) -> tuple[str, int]:
    name, strength = _name_and_strength(cast["arg"])
    if strength == STRONG:
        return name, strength
    return str(cast["typeName"].list("names")[-1]["sval"]), WEAK


def _case_name(case: Node) -> tuple[str, int]:
    name, strength = UNNAMED, 0
    if case["defresult"] is not None:
        name, strength = _name_and_strength(case["defresult"])
    return (name, strength) if strength == STRONG else ("case", WEAK)


def _first_column_name(query: Node) -> str:
    """Return the name of a subquery's first column. For a UNION it is from the first query."""
    while query["larg"] is not None:
        query = query["larg"]
    if not query.list("targetList"):
        return "column1"
    target = query.list("targetList")[0]
    return str(target["name"] or column_name(target["val"]))
