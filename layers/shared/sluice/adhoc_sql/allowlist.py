"""The allowlist of ad-hoc SQL: functions, operators, types and syntax.

Everything that is not listed here is rejected. So a feature of a later PostgreSQL is rejected until
it is added here. The tables are those of the application: see catalogue.py.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple


class FunctionRule(NamedTuple):
    """How to estimate the size of a function's result, and whether the result is text.

    `size` is one of these words:

    fixed: `number` bytes.
    same: the size of the largest argument, times `factor`, plus `number`.
    sum: the size of all arguments, plus `number`.
    gather: the size of all rows of the group.
    json: the size of the arguments as JSON.
    own: function_calls.py has a formula for this function.
    """

    size: str
    number: int = 0
    factor: int = 1
    text: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _rules(
    names: str, size: str, number: int = 0, factor: int = 1, text: bool = False
) -> dict[str, FunctionRule]:
    return {name: FunctionRule(size, number, factor, text) for name in names.split()}


# Each of these returns one value, reads no table and changes nothing.
FUNCTIONS: Mapping[str, FunctionRule] = {
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
    # The result of json_agg is not text: it is embedded into other JSON unquoted, and can be cast
    # to text only.
    **_rules("json_agg", "gather"),
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
    "count sum avg min max string_agg array_agg json_agg bool_and bool_or every"
    " stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp"
    " regr_slope regr_intercept regr_r2 regr_count mode percentile_cont percentile_disc"
)
# Allowed only in FROM, with constant arguments: see generate_series.py.
GENERATE_SERIES = "generate_series"
# The positions of arguments that must be short string literals.
LITERAL_ARGUMENTS = {
    "to_char": (1,),
    "to_date": (1,),
    "to_timestamp": (1,),
    "replace": (1, 2),
    # PostgreSQL caches each time zone it has read until the connection is closed.
    "timezone": (0,),
    "like_escape": (0, 1),
}
ROUNDING_FUNCTIONS = ("round", "trunc")
# With numeric arguments these return up to 131,072 digits, so the arguments are cast to float8.
DOUBLE_PRECISION_FUNCTIONS = frozenset({"power", "exp", "ln"})
# Special syntax (EXTRACT, AT TIME ZONE) that the parser turns into calls of pg_catalog functions.
GRAMMAR_FUNCTIONS = _words("extract position substring btrim ltrim rtrim timezone like_escape")
# The time that these take grows with the square of their arguments' digits.
QUADRATIC_OPERATIONS = {
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
REGEX_OPERATORS = _words("~ ~* !~ !~*")
# The kinds of A_Expr, and their keywords.
OPERATOR_KINDS = {
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

# The types of casts by PostgreSQL's internal names, and the size of a value in bytes. None means
# the size of the value that is cast. char(n) is not allowed, because it pads.
TYPES: Mapping[str, int | None] = {
    "text": None,
    "varchar": None,
    "int2": 12,
    "int4": 12,
    "int8": 21,
    "numeric": None,
    "float4": 25,
    "float8": 25,
    "bool": 5,
    "date": 16,
    "timestamp": 40,
    "timestamptz": 40,
    "time": 20,
    "interval": 80,
}
# The grammar has no keyword for these types, so `pg_catalog` before them is from the client.
UNQUALIFIED_TYPES = frozenset({"text", "date"})
TEXT_TYPES = frozenset({"text", "varchar"})
TIME_TYPES = frozenset({"date", "timestamp", "timestamptz", "time", "interval"})
CURRENT_TIME = {
    "SVFOP_CURRENT_DATE": "CURRENT_DATE",
    "SVFOP_CURRENT_TIMESTAMP": "CURRENT_TIMESTAMP",
    "SVFOP_CURRENT_TIMESTAMP_N": "CURRENT_TIMESTAMP",
}

# The node kinds that a parse tree may contain, and the fields of each that may be set.
NODE_FIELDS: Mapping[str, frozenset[str]] = {
    name: _words(fields)
    for name, fields in (
        (
            "SelectStmt",
            "distinctClause targetList fromClause whereClause groupClause havingClause"
            " windowClause valuesLists sortClause limitOffset limitCount limitOption withClause"
            " op all larg rarg",
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

# How to name nodes and fields in messages if PostgreSQL's internal name is not clear.
DESCRIPTIONS = {
    "lockingClause": "FOR UPDATE or FOR SHARE",
    "intoClause": "SELECT INTO",
    "recursive": "WITH RECURSIVE",
    "RangeTableSample": "TABLESAMPLE",
    "RangeTableFunc": "XMLTABLE",
    "A_Indirection": "a subscript or a field of a row",
    "CollateClause": "COLLATE",
    "ParamRef": "a parameter",
    "arrayBounds": "an array type",
    "catalogname": "a database name",
    "isNatural": "NATURAL JOIN",
    "ordinality": "WITH ORDINALITY",
    "is_rowsfrom": "ROWS FROM",
    "groupDistinct": "GROUP BY DISTINCT",
    "func_variadic": "VARIADIC",
    "useOp": "ORDER BY with USING",
    "join_using_alias": "an alias of USING",
    "coldeflist": "a column definition list",
    "XmlExpr": "XML",
}


def describe(name: str) -> str:
    """Return a name for a node kind or a field that a user of SQL understands."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name.removesuffix("Stmt"))
    return DESCRIPTIONS.get(name, words.strip().upper())
