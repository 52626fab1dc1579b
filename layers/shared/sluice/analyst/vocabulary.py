"""What an analyst's SQL may be made of. Whatever is not here is refused, what nobody thought of too."""

from collections.abc import Mapping

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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Each gives one value, reads no table, changes nothing, and gives no more than it is given but for GROWING.
FUNCTIONS = (
    # Aggregates
    _words("count sum avg min max string_agg array_agg bool_and bool_or every stddev stddev_pop stddev_samp variance")
    | _words("var_pop var_samp corr covar_pop covar_samp regr_slope regr_intercept regr_r2 regr_count grouping mode")
    | _words("percentile_cont percentile_disc")
    # Window functions
    | _words("row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value")
    # Numbers
    | _words("abs ceil ceiling floor round trunc sign sqrt power exp ln log mod div width_bucket")
    # Any type
    | _words("coalesce nullif greatest least")
    # Text
    | _words("lower upper initcap length char_length octet_length left right substr strpos ltrim rtrim btrim replace")
    | _words("split_part reverse concat concat_ws starts_with to_char md5")
    # Time
    | _words("now date_trunc date_part date_bin age to_date to_timestamp make_date make_interval justify_days")
    | _words("justify_hours justify_interval isfinite")
    # Arrays
    | _words("cardinality array_length")
)
SERIES = "generate_series"  # in FROM alone, between constants: names.py
LITERAL_ARGUMENTS = {
    "to_char": (1,),
    "to_date": (1,),
    "to_timestamp": (1,),
    "replace": (1, 2),
}  # so that they are short
ROUNDING = ("round", "trunc")
POWERS = frozenset({"power", "exp"})
AGGREGATES_OF_ALL = frozenset({"string_agg", "array_agg"})  # one value of as many rows as there are
GROWING = AGGREGATES_OF_ALL | {"concat", "concat_ws", "replace"}

# sqlglot's names of them; numeric is DECIMAL, real FLOAT. No char(n): it pads.
TYPES = _words("TEXT VARCHAR SMALLINT INT BIGINT DECIMAL DOUBLE FLOAT BOOLEAN DATE TIMESTAMP TIMESTAMPTZ TIME INTERVAL")

# The kinds of nodes a tree may have (sqlglot.expressions), and which of their parts may be filled. A part that a later
# sqlglot invents is refused until somebody has looked at it.
_BINARY = "this expression"
GRAMMAR: Mapping[str, frozenset[str]] = {
    name: _words(parts)
    for names, parts in (
        ("Select", "with_ expressions distinct from_ joins laterals where group having windows order limit offset"),
        ("Union Intersect Except", "with_ this expression distinct order limit offset"),
        ("Subquery", "with_ this alias order limit offset"),
        ("With", "expressions"),  # not `recursive`
        ("CTE", "this alias materialized"),
        ("From Where Having Paren Neg Not All Any Exists", "this"),
        ("Table", "this db alias"),
        ("TableAlias", "this columns"),
        ("Lateral", "this alias"),
        ("Values", "expressions alias"),
        ("Join", "this kind side on using"),
        ("Group Tuple Array Cube Rollup GroupingSets", "expressions"),
        ("Distinct", "expressions on"),
        ("Order", "this expressions"),
        ("Ordered", "this desc nulls_first"),
        ("Limit Offset", "expression"),
        ("Fetch", "direction count limit_options"),
        ("LimitOptions", "rows with_ties"),
        ("Alias", "this alias"),
        ("Column", "this table"),
        ("Identifier", "this quoted"),
        ("Literal", "this is_string"),
        ("Boolean DataTypeParam Var", "this"),
        ("Null Star CurrentDate CurrentTimestamp", ""),
        ("And Or EQ NEQ GT GTE LT LTE Add Sub Mul Mod Pow NullSafeEQ NullSafeNEQ Escape Filter WithinGroup", _BINARY),
        ("RegexpLike RegexpILike Kwarg Extract", _BINARY),
        ("Like ILike Is", f"{_BINARY} negate"),
        ("Div", f"{_BINARY} typed safe"),
        ("DPipe", f"{_BINARY} safe"),
        ("Between", "this low high"),
        ("In", "this expressions query"),
        ("Case", "this ifs default"),
        ("If", "this true"),
        ("Cast", "this to"),
        ("DataType", "this expressions"),
        ("Interval", "this unit"),
        ("AtTimeZone", "this zone"),
        ("Anonymous", "this expressions"),
        ("Substring", "this start length"),
        ("StrPosition", "this substr"),
        ("Trim", "this expression position"),
        ("Window", "this partition_by order spec alias over"),
        ("WindowSpec", "kind start start_side end end_side"),
    )
    for name in names.split()
}

# What to call what is refused, where sqlglot's own name would tell an analyst nothing.
WORDS = {
    "Identifier": "a name of so many parts, or of such a type,",
    "nested": "the type of an array",
    "Lock": "FOR UPDATE or FOR SHARE",
    "Into": "SELECT INTO",
    "TableSample": "TABLESAMPLE",
    "Operator": "OPERATOR()",
    "Dot": "a field of a row, written with a dot",
    "ObjectIdentifier": "a cast to a type of object identifiers",
    "SimilarTo": "SIMILAR TO",
    "RawString": "a string of $$",
    "UnicodeString": "a string of U&''",
    "ByteString": "a string of e''",
    "HexString": "a string of x''",
    "BitString": "a string of b''",
    "Parameter": "a parameter",
    "Placeholder": "a parameter",
    "Bracket": "a subscript",
    "CurrentUser": "current_user",
    "SessionUser": "session_user",
    "Columns": "COLUMNS",
    "Collate": "COLLATE",
}
