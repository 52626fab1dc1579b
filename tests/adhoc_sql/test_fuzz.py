"""Statements that nobody wrote: what the parser lets through of them, PostgreSQL must read as it does.

They are made of the words of legal queries and attacks, shuffled into each other. What is allowed is explained as the
owner, whom no right holds back: so what PostgreSQL means to read and to call is the parser's work alone.
"""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError

from sluice.adhoc_sql.allowlist import FUNCTIONS, SERIES, TABLES
from sluice.adhoc_sql.validator import check
from sluice.errors import QueryRejected
from tests.adhoc_sql.attacks import ATTACKS
from tests.adhoc_sql.conftest import AnalystsShop
from tests.adhoc_sql.test_legal import LEGAL

HOSTILE = [
    *(
        "pg_class",
        "pg_catalog",
        "idempotency_keys",
        "information_schema.tables",
        "pg_sleep(0)",
        "row_to_json",
        "ctid",
    ),
    *(
        "::regclass",
        "::xml",
        "operator(pg_catalog.+)",
        "tablesample system (1)",
        "for update",
        "into x",
        "recursive",
    ),
    *(
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
        "\u00a0",
        "::",
    ),
    *(
        "returning",
        "delete from orders",
        "o.*",
        "(o).id",
        "o",
        "as row_to_json",
        "lateral",
        "natural",
        "using (id)",
    ),
]
# How PostgreSQL writes what was asked for in other words: EXTRACT, AT TIME ZONE, casts, ARRAY, SubPlans.
ITS_OWN = {
    *("extract", "timezone", "substring", "position", "any", "all", "array", "row", "case", "numeric", "varchar"),
    *("date", "over", "filter", "within", "group", "by", "order", "hashed", "subplan", "initplan", "in", "and", "or"),
    *("not", "like", "distinct", "from", "values", "excluded", "then", "else", "when", "is", "interval", "preceding"),
    *("timestamptz", "timestamp", "text", "int8", "float8", "bool", "partition", "range", "rows", "current_date"),
    *("where", "trim", "coalesce", "greatest", "least", "nullif", "timezone", "current_timestamp"),
    *("grouping", "sets", "rollup", "cube", "key", "as", "exists", "count", "varying", "bpchar"),
}  # fmt: skip
WORD = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\w+|\s+|[^\w\s]")
CALL = re.compile(r'"?(\w+)"?\s*\(')


def statements(seed: int, count: int) -> Iterator[str]:
    chance = random.Random(seed)
    corpus = [
        WORD.findall(text)
        for text in LEGAL * 20 + [a for kind in ATTACKS.values() for a in kind if len(a) < 300]
    ]
    for _ in range(count):
        words = list(chance.choice(corpus))
        for _ in range(chance.randint(1, 2)):
            other, at = chance.choice(corpus), chance.randrange(len(words))
            start = chance.randrange(len(other))
            piece = other[start : start + chance.randint(1, 5)]
            match chance.randrange(5):
                case 0:
                    words[at : at + 1] = piece
                case 1:
                    words[at:at] = [" ", *piece, " "]
                case 2:
                    words[at:at] = [" ", chance.choice(HOSTILE), " "]
                case 3:
                    del words[at : at + chance.randint(1, 3)]
                case 4:
                    words[at] = chance.choice(HOSTILE)
            words = words or [" "]
        yield "".join(words)


def plan_of(sql: str, shop: AnalystsShop) -> Any:
    """As the owner; None where PostgreSQL refuses it."""
    try:
        told = shop.sql(f"EXPLAIN (FORMAT JSON, VERBOSE) {sql}")[0][0]
    except DatabaseError:
        return None
    return told if not isinstance(told, str) else json.loads(told)


def values_of(plan: Any, key: str) -> Iterator[Any]:
    if isinstance(plan, dict):
        for name, value in plan.items():
            if name == key:
                yield value
            yield from values_of(value, key)
    elif isinstance(plan, list):
        for item in plan:
            yield from values_of(item, key)


def calls_in(plan: Any) -> set[str]:
    """The names before a parenthesis, in every expression of the plan."""
    texts = [text for text in _texts(plan) if "(" in text]
    bare = [re.sub(r"'(?:[^']|'')*'", "''", text) for text in texts]
    return {
        name.lower() for text in bare for name in CALL.findall(text) if not name.isdigit()
    }  # $1 is a SubPlan's


def _texts(plan: Any) -> Iterator[str]:
    if isinstance(plan, str):
        yield plan
    elif isinstance(plan, (dict, list)):
        for item in plan.values() if isinstance(plan, dict) else plan:
            yield from _texts(item)


def fuzz(shop: AnalystsShop, seed: int, count: int) -> int:
    """Assert for each that is allowed; how many PostgreSQL would run."""
    planned = 0
    for text in statements(seed, count):
        try:
            sql = check(text).sql
        except QueryRejected:
            continue
        plan = plan_of(sql, shop)
        if plan is None:
            continue
        planned += 1
        aliases = {name.lower() for name in re.findall(r"\w+", text)} & set(
            values_of(plan, "Alias")
        )
        assert set(values_of(plan, "Relation Name")) <= set(TABLES), text
        assert set(values_of(plan, "Schema")) <= {"public", "pg_catalog"}, text
        assert set(values_of(plan, "Function Name")) <= {SERIES}, text
        assert calls_in(plan) <= set(FUNCTIONS) | ITS_OWN | {SERIES} | aliases, (
            text,
            calls_in(plan) - set(FUNCTIONS) - ITS_OWN,
        )
        if "E'" not in sql:  # a text with a backslash is written as no caller may write it
            assert check(sql).sql == sql, "what was written again is read as what it was"
    return planned


def test_what_is_let_through_reads_and_calls_what_it_may(shop: AnalystsShop) -> None:
    assert fuzz(shop, seed=1, count=1_500) >= 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_so_does_a_great_deal_more_of_it(seed: int, shop: AnalystsShop) -> None:
    assert fuzz(shop, seed, count=4_000) >= 150


def test_every_legal_query_is_written_anew_as_one_that_is_read_the_same() -> None:
    for text in LEGAL:
        sql = check(text).sql
        assert check(sql).sql == sql, text
