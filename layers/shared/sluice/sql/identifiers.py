"""Names of tables and columns in SQL."""

import re

# The words that cannot be a column or table without quotes: the reserved keywords, and those for
# functions and types only (PostgreSQL's manual, appendix C).
KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check
    collate collation column concurrently constraint create cross current_catalog current_date
    current_role current_schema current_time current_timestamp current_user default deferrable desc
    distinct do else end except false fetch for foreign freeze from full grant group having ilike in
    initially inner intersect into is isnull join lateral leading left like limit localtime
    localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
    references returning right select session_user similar some symmetric system_user table
    tablesample then to trailing true union unique user using variadic verbose when where window
    with
    """,
    )
)


def quoted(name: str) -> str:
    """Return a name as a statement with parameters needs it: in quotes unless it is plain.

    In such a statement `:name` is a parameter, even in quotes.
    """
    text = quoted_if_needed(name)
    return "U&" + text.replace("\\", r"\\").replace(":", r"\003A") if ":" in name else text


def quoted_if_needed(name: str) -> str:
    """Return a name as SQL needs it: in quotes if it is not plain, or is a keyword."""
    is_plain = name.isascii() and name.isidentifier() and name == name.lower()
    return name if is_plain and name not in KEYWORDS else in_quotes(name)


def in_quotes(name: str) -> str:
    """Return a name in quotes."""
    return '"' + name.replace('"', '""') + '"'


def table_name(schema: str, name: str) -> str:
    """Return a table as SQL names it. The roles' search_path is `public`."""
    return quoted(name) if schema == "public" else f"{quoted(schema)}.{quoted(name)}"


def qualified(name: str) -> str:
    """Return the name of a table or a function with its schema, as SQL needs it."""
    dot = name.index(".")
    return f"{quoted(name[:dot])}.{quoted(name[dot + 1 :])}"
