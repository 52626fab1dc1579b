"""What an analyst's SQL may be made of. Whatever is not here is refused, what nobody thought of too."""

import re
from collections.abc import Mapping
from typing import NamedTuple

Columns = tuple[str, ...]

_ROW = ("created_at", "updated_at", "version")
TABLES: Mapping[str, Columns] = {
    "categories": ("id", "name", "slug", *_ROW),
    "products": ("id", "name", "description", "price", "category_id", *_ROW),
    "inventory": ("product_id", "quantity", "updated_at", "version"),
    "users": ("id", "email", "name", *_ROW),
    "orders": ("id", "user_id", "status", "total", *_ROW),
    "order_items": ("order_id", "product_id", "quantity", "unit_price"),
}
# The columns that no two rows of a table share.
KEYS: Mapping[str, tuple[Columns, ...]] = {
    "categories": (("id",), ("name",), ("slug",)),
    "products": (("id",), ("name",)),
    "inventory": (("product_id",),),
    "users": (("id",), ("email",)),
    "orders": (("id",),),
    "order_items": (("order_id", "product_id"),),
}
# The longest text of a column in bytes (the tables check the characters); other columns are numbers and times.
TEXTS: Mapping[str, int] = {
    "name": 800,
    "slug": 200,
    "description": 40_000,
    "email": 1_016,
    "status": 9,
}
NUMBER, TIME = 20, 40  # bytes of other columns
TIMES = frozenset({"created_at", "updated_at"})
# Whose rows a column counts: it has no more values than that table has rows.
REFERENCES: Mapping[str, str] = {
    "category_id": "categories",
    "product_id": "products",
    "user_id": "users",
    "order_id": "orders",
}
STATUSES = 5


class Rule(NamedTuple):
    """How large what a function gives may be, and whether it is text."""

    size: (
        str  # fixed, same (as its largest argument), sum, or a rule of its own in function_calls.py
    )
    number: int = 0  # the size, or what is added to that of the arguments
    factor: int = 1
    text: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _rules(
    names: str, size: str, number: int = 0, factor: int = 1, text: bool = False
) -> dict[str, Rule]:
    return {name: Rule(size, number, factor, text) for name in names.split()}


# Each gives one value, reads no table and changes nothing.
FUNCTIONS: Mapping[str, Rule] = {
    # Aggregates
    **_rules(
        "count bool_and bool_or every corr regr_slope regr_intercept regr_r2 regr_count",
        "fixed",
        25,
    ),
    **_rules("sum avg", "same", 25),
    **_rules(
        "stddev stddev_pop stddev_samp variance var_pop var_samp covar_pop covar_samp",
        "same",
        60,
        2,
    ),
    **_rules("min max mode percentile_disc", "same"),
    **_rules("percentile_cont", "fixed", 60),
    **_rules("string_agg array_agg", "gather", text=True),
    **_rules(
        "json_agg", "gather"
    ),  # no text: it is put into other JSON as it is, and cast to nothing but text
    # Window functions
    **_rules("row_number rank dense_rank percent_rank cume_dist ntile", "fixed", 25),
    **_rules("lag lead first_value last_value nth_value", "same"),
    # Numbers
    **_rules("abs ceil ceiling floor sign mod", "same", 1),
    **_rules("round trunc", "same", 101),
    **_rules("div", "sum", 25),
    **_rules("sqrt", "same", 25),
    **_rules("log", "fixed", 1_100),
    **_rules("power exp ln", "fixed", 25),
    **_rules("width_bucket", "fixed", 12),
    # Text
    **_rules("lower upper initcap", "same", 0, 3, text=True),
    **_rules("left right substr substring split_part reverse ltrim rtrim btrim", "same", text=True),
    **_rules("concat", "sum", text=True),
    **_rules("replace concat_ws to_char", "own", text=True),
    **_rules("md5", "fixed", 32, text=True),
    **_rules("length char_length octet_length strpos position starts_with", "fixed", 12),
    # JSON
    **_rules("json_build_object", "json"),
    # Time
    **_rules(
        "now date_trunc date_part extract date_bin age to_date to_timestamp make_date", "fixed", 60
    ),
    **_rules(
        "make_interval justify_days justify_hours justify_interval isfinite timezone", "fixed", 60
    ),
    # Arrays
    **_rules("cardinality array_length", "fixed", 12),
}
AGGREGATES = _words(
    "count sum avg min max string_agg array_agg json_agg bool_and bool_or every stddev stddev_pop stddev_samp variance "
    "var_pop var_samp corr covar_pop covar_samp regr_slope regr_intercept regr_r2 regr_count mode percentile_cont "
    "percentile_disc"
)
SERIES = "generate_series"  # in FROM alone, between constants: generate_series.py
LITERAL_ARGUMENTS = {  # so that they are short
    "to_char": (1,),
    "to_date": (1,),
    "to_timestamp": (1,),
    "replace": (1, 2),
    "timezone": (
        0,
    ),  # PostgreSQL keeps every zone that it has read, for as long as the connection lives
    "like_escape": (0, 1),
}
ROUNDING = ("round", "trunc")
IN_DOUBLE = frozenset(
    {"power", "exp", "ln"}
)  # of numeric they have up to 131,072 digits, so they get float8
GATHERING = frozenset(
    {"string_agg", "array_agg", "json_agg"}
)  # one value of as many rows as there are
# Written in a grammar of their own (EXTRACT, AT TIME ZONE), of which the parser makes calls in pg_catalog.
OF_GRAMMAR = _words("extract position substring btrim ltrim rtrim timezone like_escape")
MULTIPLYING = {
    "*",
    "/",
    "%",
    "mod",
    "div",
    "sqrt",
    "stddev",
    "variance",
    "stddev_pop",
    "stddev_samp",
    "var_pop",
}

OPERATORS = (
    _words("+ - * / % ^ = <> < > <= >= ||") | _words("~ ~* !~ !~*") | _words("~~ !~~ ~~* !~~*")
)
REGEXES = _words("~ ~* !~ !~*")
EXPRESSIONS = {  # kinds of A_Expr, by how they are written
    "AEXPR_OP": "",
    "AEXPR_OP_ANY": "ANY",
    "AEXPR_OP_ALL": "ALL",
    "AEXPR_DISTINCT": "IS DISTINCT FROM",
    "AEXPR_NOT_DISTINCT": "IS NOT DISTINCT FROM",
    "AEXPR_NULLIF": "NULLIF",
    "AEXPR_IN": "IN",
    "AEXPR_LIKE": "LIKE",
    "AEXPR_ILIKE": "ILIKE",
    "AEXPR_BETWEEN": "BETWEEN",
    "AEXPR_NOT_BETWEEN": "NOT BETWEEN",
}

# PostgreSQL's names of them, and how large a value is. No char(n): it pads. None: as large as what is cast.
TYPES: Mapping[str, int | None] = {
    "text": None, "varchar": None, "int2": 12, "int4": 12, "int8": 21, "numeric": None, "float4": 25, "float8": 25,
    "bool": 5, "date": 16, "timestamp": 40, "timestamptz": 40, "time": 20, "interval": 80,
}  # fmt: skip
UNQUALIFIED = frozenset(
    {"text", "date"}
)  # the grammar has no keyword for them, so who says pg_catalog wrote it
TEXT_TYPES = frozenset({"text", "varchar"})
TIME_TYPES = frozenset({"date", "timestamp", "timestamptz", "time", "interval"})
NOW = {
    "SVFOP_CURRENT_DATE": "CURRENT_DATE",
    "SVFOP_CURRENT_TIMESTAMP": "CURRENT_TIMESTAMP",
    "SVFOP_CURRENT_TIMESTAMP_N": "CURRENT_TIMESTAMP",
}

# The kinds of nodes a tree may have, and which of their parts may be filled. A part that a later PostgreSQL invents is
# refused until somebody has looked at it.
GRAMMAR: Mapping[str, frozenset[str]] = {
    name: _words(parts)
    for name, parts in (
        (
            "SelectStmt",
            "distinctClause targetList fromClause whereClause groupClause havingClause windowClause valuesLists "
            "sortClause limitOffset limitCount limitOption withClause op all larg rarg",
        ),
        ("ResTarget", "name val"),
        ("RangeVar", "schemaname relname inh alias"),
        ("Alias", "aliasname colnames"),
        ("RangeSubselect", "lateral subquery alias"),
        ("RangeFunction", "functions alias"),
        ("JoinExpr", "jointype larg rarg usingClause quals"),
        ("WithClause", "ctes"),  # not `recursive`
        ("CommonTableExpr", "ctename aliascolnames ctematerialized ctequery"),
        ("ColumnRef", "fields"),
        ("String", "sval"),
        ("A_Star", ""),
        ("A_Const", "value"),
        ("A_Expr", "kind name lexpr rexpr"),
        ("BoolExpr", "boolop args"),
        ("NullTest", "arg nulltesttype"),
        ("BooleanTest", "arg booltesttype"),
        ("CaseExpr", "arg args defresult"),
        ("CaseWhen", "expr result"),
        ("CoalesceExpr", "args"),
        ("MinMaxExpr", "op args"),
        (
            "FuncCall",
            "funcname args agg_order agg_filter over agg_within_group agg_star agg_distinct",
        ),
        ("SubLink", "subLinkType testexpr operName subselect"),
        ("TypeCast", "arg typeName"),
        ("TypeName", "names typmods typemod"),
        ("A_ArrayExpr", "elements"),
        ("RowExpr", "args"),
        ("List", "items"),
        ("SQLValueFunction", "op typmod"),
        ("GroupingFunc", "args"),
        ("NamedArgExpr", "name arg"),
        ("GroupingSet", "kind content"),
        ("SortBy", "node sortby_dir sortby_nulls"),
        (
            "WindowDef",
            "name refname partitionClause orderClause frameOptions startOffset endOffset",
        ),
    )
}

# What to call what is refused, where PostgreSQL's own name would tell an analyst nothing.
WORDS = {
    "lockingClause": "FOR UPDATE or FOR SHARE",
    "intoClause": "SELECT INTO",
    "recursive": "WITH RECURSIVE",
    "RangeTableSample": "TABLESAMPLE",
    "RangeTableFunc": "XMLTABLE",
    "A_Indirection": "a subscript, or a field of a row,",
    "CollateClause": "COLLATE",
    "ParamRef": "a parameter",
    "arrayBounds": "the type of an array",
    "catalogname": "the name of a database",
    "isNatural": "NATURAL JOIN",
    "ordinality": "WITH ORDINALITY",
    "is_rowsfrom": "ROWS FROM",
    "groupDistinct": "GROUP BY DISTINCT",
    "func_variadic": "VARIADIC",
    "useOp": "ORDER BY with USING",
    "join_using_alias": "an alias of USING",
    "coldeflist": "a list of column definitions",
    "XmlExpr": "XML",
}


def words(name: str) -> str:
    """What to call a kind of node or a part of one, for somebody who writes SQL."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name.removesuffix("Stmt")).strip().upper()
    return WORDS.get(name, plain)
