"""Random schemas: tables with columns, keys, references, indexes and CHECKs of many forms."""

from collections.abc import Iterable

from hypothesis import strategies as st

TYPES = (
    *("integer", "bigint", "smallint", "numeric", "numeric(10, 2)", "numeric(4, 0)", "real"),
    *("float", "text", "varchar(5)", "char(3)", "uuid", "boolean", "date", "time", "timestamp"),
    *("timestamptz", "interval", "inet", "cidr", "jsonb", "json", "bytea", "money", "tsvector"),
    *("text[]", "integer[]", "mood", "mood[]", "small", "word", "int4range", "tstzrange", "point"),
)
KEYS = ("integer", "bigint", "smallint", "text", "varchar(5)", "char(3)", "uuid", "date", "mood")
NAMES = (
    *("id", "name", "Name", "Full Name", "order", "user", "limit", "sort", "key", "o", "q", "n"),
    *("parent", "parent_id", "owner_id", "created_at", "updated_at", "password", "token", "link"),
    *("amount", "amount_min", "a1", "a_1", "k0", "größe", "status", "type", "etag", "search"),
)
TABLES = (
    *("a", "as", "Deal", "deals", "deal_status", "people", "person", "imports", "nodes", "query"),
    *("Order Lines", "class", "dates", "news", "registry"),
)
DEFAULTS = {
    "integer": "5",
    "bigint": "-1",
    "text": "'x'",
    "varchar(5)": "''",
    "boolean": "true",
    "timestamptz": "now()",
    "date": "CURRENT_DATE",
    "uuid": "gen_random_uuid()",
    "mood": "'ok'",
    "jsonb": "'{}'",
    "text[]": "'{}'",
    "numeric(10, 2)": "1",
    "small": "3",
}
CHECKS = {
    "integer": ("> 0", "BETWEEN 1 AND 9", "IN (1, 2, 5)", "<> 3"),
    "numeric(10, 2)": (">= 0", "> 0.5"),
    "text": ("IN ('a', 'b')", "<> ''", "~ '^a'"),
    "varchar(5)": ("IN ('a', 'b')",),
}
PREAMBLE = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy');
CREATE DOMAIN small AS integer CHECK (VALUE < 100) NOT NULL DEFAULT 1;
CREATE DOMAIN word AS text CHECK (VALUE ~ '^[a-z]+$');
"""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))


@st.composite
def column(draw: st.DrawFn, name: str) -> str:
    """Return the definition of a column."""
    type_ = draw(st.sampled_from(TYPES))
    parts = [quoted(name), type_]
    parts += ["NOT NULL"] if draw(st.booleans()) else []
    if type_ in DEFAULTS and draw(st.booleans()):
        parts.append(f"DEFAULT {DEFAULTS[type_]}")
    if type_ in CHECKS and draw(st.booleans()):
        parts.append(f"CHECK ({quoted(name)} {draw(st.sampled_from(CHECKS[type_]))})")
    if type_ in KEYS and draw(st.integers(0, 4)) == 0:
        parts.append("UNIQUE")
    return " ".join(parts)


@st.composite
def table(draw: st.DrawFn, name: str, earlier: dict[str, dict[str, str]]) -> str:
    """Return the statements of a table, and add the columns and types of its key to `earlier`."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=8, unique=True))
    own = {key: draw(st.sampled_from(KEYS)) for key in names[: draw(st.integers(1, 2))]}
    parts = [f"{quoted(key)} {type_}" for key, type_ in own.items()]
    parts += [draw(column(other)) for other in names[len(own) :]]
    others = draw(st.lists(st.sampled_from(sorted(earlier)), max_size=2)) if earlier else []
    lists = [[other] for other in names]
    for number, other in enumerate(others):
        columns = {f"{other}{number}_{key}": type_ for key, type_ in earlier[other].items()}
        parts += [f"{quoted(key)} {type_}" for key, type_ in columns.items()]
        parts.append(f"FOREIGN KEY ({listed(columns)}) REFERENCES {quoted(other)}")
        lists.append([*columns])
        own |= columns if draw(st.booleans()) else {}
    parts.append(f"PRIMARY KEY ({listed(own)})")
    earlier[name] = own
    indexed = draw(st.lists(st.sampled_from(lists), max_size=3))
    types = ["json", "point", "money", "tsvector"]
    indexes = [f"CREATE INDEX ON {quoted(name)} ({listed(columns)});" for columns in indexed]
    unusable = any(f" {type_}" in part for type_ in types for part in parts)
    return "\n".join(
        [f"CREATE TABLE {quoted(name)} ({', '.join(parts)});", *indexes[: 0 if unusable else 3]]
    )


@st.composite
def schema(draw: st.DrawFn) -> str:
    """Return the statements of a schema."""
    names = draw(st.lists(st.sampled_from(TABLES), min_size=1, max_size=5, unique=True))
    earlier: dict[str, dict[str, str]] = {}
    return PREAMBLE + "\n".join(draw(table(name, earlier)) for name in names)
