"""Random queries that the validator accepts must mean the same to PostgreSQL.

They are mixed from the words of legal queries and attacks. EXPLAIN runs as the owner, who has every
privilege, so only the validator decides what a plan reads and calls.
"""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError

from sluice.adhoc_sql.allowlist import FUNCTIONS, GENERATE_SERIES
from sluice.adhoc_sql.validator import validate
from sluice.errors import QueryRejected
from tests.engine.adhoc_sql.attacks import ATTACKS
from tests.engine.adhoc_sql.catalogue import CATALOGUE
from tests.engine.adhoc_sql.test_legal import LEGAL
from tests.fixtures.adhoc_sql import AnalystClient

HOSTILE = [
    "pg_class",
    "pg_catalog",
    "idempotency_keys",
    "information_schema.tables",
    "pg_sleep(0)",
    "row_to_json",
    "ctid",
    "::regclass",
    "::xml",
    "operator(pg_catalog.+)",
    "tablesample system (1)",
    "for update",
    "into x",
    "recursive",
    ";",
    "/*",
    "*/",
    "--",
    "'",
    '"',
    "$$",
    "\\",
    "(",
    ")",
    "[",
    "]",
    ".",
    ",",
    "U&'\\0041'",
    "E'\\''",
    "\xa0",
    "::",
    "returning",
    "delete from orders",
    "o.*",
    "(o).id",
    "o",
    "as row_to_json",
    "lateral",
    "natural",
    "using (id)",
]
# Words in plans that are not in the query, because PostgreSQL rewrites it: EXTRACT, AT TIME ZONE,
# casts, ARRAY, SubPlans.
REWRITTEN = {
    "all",
    "and",
    "any",
    "array",
    "as",
    "bool",
    "bpchar",
    "by",
    "case",
    "coalesce",
    "count",
    "cube",
    "current_date",
    "current_timestamp",
    "date",
    "distinct",
    "else",
    "excluded",
    "exists",
    "extract",
    "filter",
    "float8",
    "from",
    "greatest",
    "group",
    "grouping",
    "hashed",
    "in",
    "initplan",
    "int8",
    "interval",
    "is",
    "key",
    "least",
    "like",
    "not",
    "nullif",
    "numeric",
    "or",
    "order",
    "over",
    "partition",
    "position",
    "preceding",
    "range",
    "rollup",
    "row",
    "rows",
    "sets",
    "subplan",
    "substring",
    "text",
    "then",
    "timestamp",
    "timestamptz",
    "timezone",
    "trim",
    "values",
    "varchar",
    "varying",
    "when",
    "where",
    "within",
}
WORD = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\w+|\s+|[^\w\s]")
CALL = re.compile(r'"?(\w+)"?\s*\(')


def mixed_queries(seed: int, count: int) -> Iterator[str]:
    generator = random.Random(seed)
    corpus = [
        WORD.findall(text)
        for text in LEGAL * 20 + [a for kind in ATTACKS.values() for a in kind if len(a) < 300]
    ]
    for _ in range(count):
        words = list(generator.choice(corpus))
        for _ in range(generator.randint(1, 2)):
            other, at = generator.choice(corpus), generator.randrange(len(words))
            start = generator.randrange(len(other))
            piece = other[start : start + generator.randint(1, 5)]
            match generator.randrange(5):
                case 0:
                    words[at : at + 1] = piece
                case 1:
                    words[at:at] = [" ", *piece, " "]
                case 2:
                    words[at:at] = [" ", generator.choice(HOSTILE), " "]
                case 3:
                    del words[at : at + generator.randint(1, 3)]
                case 4:
                    words[at] = generator.choice(HOSTILE)
            words = words or [" "]
        yield "".join(words)


def plan_of(sql: str, analyst: AnalystClient) -> Any:
    """Return the plan of a query of the owner, or None if PostgreSQL rejects it."""
    try:
        plan = analyst.sql(f"EXPLAIN (FORMAT JSON, VERBOSE) {sql}")[0][0]
    except DatabaseError:
        return None
    return json.loads(plan) if isinstance(plan, str) else plan


def values_of(plan: Any, key: str) -> Iterator[Any]:
    """Yield the values of a key in all nodes of a plan."""
    if isinstance(plan, dict):
        for name, value in plan.items():
            if name == key:
                yield value
            yield from values_of(value, key)
    elif isinstance(plan, list):
        for item in plan:
            yield from values_of(item, key)


def calls_in(plan: Any) -> set[str]:
    """Return the names before a parenthesis in all expressions of a plan."""
    texts = [text for text in _texts(plan) if "(" in text]
    bare = [re.sub(r"'(?:[^']|'')*'", "''", text) for text in texts]
    names = {name.lower() for text in bare for name in CALL.findall(text)}
    return {name for name in names if not name.isdigit()}  # $1 is a parameter of a SubPlan


def _texts(plan: Any) -> Iterator[str]:
    if isinstance(plan, str):
        yield plan
    elif isinstance(plan, (dict, list)):
        for item in plan.values() if isinstance(plan, dict) else plan:
            yield from _texts(item)


def fuzz(analyst: AnalystClient, seed: int, count: int) -> int:
    """Check each query that the validator accepts; return how many PostgreSQL can plan."""
    planned = 0
    for text in mixed_queries(seed, count):
        try:
            sql = validate(text, CATALOGUE).sql
        except QueryRejected:
            continue
        plan = plan_of(sql, analyst)
        if plan is None:
            continue
        planned += 1
        aliases = {name.lower() for name in re.findall(r"\w+", text)} & set(
            values_of(plan, "Alias")
        )
        assert set(values_of(plan, "Relation Name")) <= set(CATALOGUE.tables), text
        assert set(values_of(plan, "Schema")) <= {"public", "pg_catalog"}, text
        assert set(values_of(plan, "Function Name")) <= {GENERATE_SERIES}, text
        allowed = set(FUNCTIONS) | REWRITTEN | {GENERATE_SERIES} | aliases
        assert calls_in(plan) <= allowed, (text, calls_in(plan) - allowed)
        if "E'" not in sql:  # the deparser writes backslashes as E'', which queries may not use
            assert validate(sql, CATALOGUE).sql == sql
    return planned


def test_accepted_queries_read_and_call_only_allowed(analyst: AnalystClient) -> None:
    assert fuzz(analyst, seed=1, count=1_500) >= 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_accepted_queries_with_more_seeds(seed: int, analyst: AnalystClient) -> None:
    assert fuzz(analyst, seed, count=4_000) >= 150


def test_deparsed_legal_queries_are_stable() -> None:
    for text in LEGAL:
        sql = validate(text, CATALOGUE).sql
        assert validate(sql, CATALOGUE).sql == sql, text
