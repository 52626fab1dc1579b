"""What PostgreSQL calls a column that was given no name: its rules (FigureColname), without which names mean others."""

from sluice.adhoc_sql.parser import Node
from sluice.adhoc_sql.scope import names_of

NAMELESS = "?column?"  # PostgreSQL's own
WEAK, STRONG = 1, 2  # a cast's name gives way to none but a weak one
NAMES = {
    "CoalesceExpr": "coalesce",
    "A_ArrayExpr": "array",
    "RowExpr": "row",
    "GroupingFunc": "grouping",
}
SUBLINKS = {"EXISTS_SUBLINK": "exists", "ARRAY_SUBLINK": "array"}


def label(node: Node) -> str:
    """The name of a column of this expression."""
    return _label(node)[0]


def _label(node: Node) -> tuple[str, int]:
    if node.kind == "ColumnRef":
        return (names_of(node) or [NAMELESS])[-1], STRONG
    if node.kind == "FuncCall":
        return str(node.list("funcname")[-1]["sval"]), STRONG
    if node.kind == "TypeCast":
        name, strength = _label(node["arg"])
        return (
            (name, strength)
            if strength == STRONG
            else (str(node["typeName"].list("names")[-1]["sval"]), WEAK)
        )
    if node.kind == "CaseExpr":
        name, strength = (
            _label(node["defresult"]) if node["defresult"] is not None else (NAMELESS, 0)
        )
        return (name, strength) if strength == STRONG else ("case", WEAK)
    if node.kind == "SubLink" and node["subLinkType"] == "EXPR_SUBLINK":
        return _first_name(node["subselect"]), STRONG
    if node.kind == "SubLink" and node["subLinkType"] in SUBLINKS:
        return SUBLINKS[node["subLinkType"]], STRONG
    if node.kind == "MinMaxExpr":
        return ("greatest" if node["op"] == "IS_GREATEST" else "least"), STRONG
    if node.kind == "A_Expr" and node["kind"] == "AEXPR_NULLIF":
        return "nullif", STRONG
    if node.kind == "SQLValueFunction":
        return str(node["op"]).removeprefix("SVFOP_").removesuffix("_N").lower(), STRONG
    return (NAMES[node.kind], STRONG) if node.kind in NAMES else (NAMELESS, 0)


def _first_name(query: Node) -> str:
    """A subquery as a value has the name of its column; one of UNION that of its first part."""
    while query["larg"] is not None:
        query = query["larg"]
    if not query.list("targetList"):
        return "column1"
    target = query.list("targetList")[0]
    return str(target["name"] or label(target["val"]))
