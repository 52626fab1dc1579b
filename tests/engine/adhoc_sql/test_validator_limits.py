"""Short queries that are expensive to plan or to run are rejected before PostgreSQL sees them."""

from contextlib import suppress

import pytest

from sluice.adhoc_sql.plan_check import check_sorts
from sluice.adhoc_sql.validator import validate
from sluice.errors import QueryRejected, QueryTooExpensive
from tests.engine.adhoc_sql.catalogue import CATALOGUE
from tests.engine.adhoc_sql.query_templates import NESTED_CONSTRUCTS
from tests.fixtures.cpu_time import least_cpu_seconds

TABLE_ROWS = {
    "categories": 50.0,
    "products": 3e3,
    "inventory": 3e3,
    "users": 2e3,
    "orders": 2e4,
    "order_items": 8e4,
}
WIDE = "'" + "x" * 1_500 + "'"
OPAQUE = " and ".join(["length(a.quantity::text || b.quantity::text) > -7"] * 8)


def levels(count: int, base: str, level: str) -> str:
    """Return `base` inside `count` levels: {q} is the inner query, {n} the number of a level."""
    query = base
    for n in range(count):
        query = level.format(q=query, n=n)
    return query


def rejection(text: str) -> str:
    """Return the message of a rejection; check that it takes less than a second."""
    messages = []

    def reject() -> None:
        with pytest.raises((QueryRejected, QueryTooExpensive)) as caught:
            validate(text, CATALOGUE, TABLE_ROWS)
        messages.append(str(caught.value))

    assert least_cpu_seconds(reject) < 1
    return messages[0]


EXPONENTIAL = {
    "subqueries": levels(22, "select 1 as x", "select x + x as x from ({q}) q{n}"),
    "four times": levels(12, "select 1 as x", "select greatest(x, x, x, x) as x from ({q}) q{n}"),
    "offset of half": levels(29, "select 1 as x", "select x + x as x from ({q}) q{n}").replace(
        "q3", "q3 "
    ),
    "lateral": "select l16.x from (select 1 as x) l0, "
    + ", ".join(f"lateral (select l{n}.x + l{n}.x as x) l{n + 1}" for n in range(16)),
    "with": "with "
    + ", ".join(
        [
            "q0 as (select 1 as x)",
            *(f"q{n + 1} as (select x + x as x from q{n})" for n in range(20)),
        ]
    )
    + " select x from q20",
    "scalar subqueries": levels(
        12, "select 1 as x", "select (select x) + (select x) as x from ({q}) q{n}"
    ),
    "conditions": levels(
        16, "select 1 as x", "select x + x as x from ({q}) q{n} where x > 0 group by x"
    ),
    "unions": levels(5, "select 1 as x", "({q}) union all ({q})"),
    "unions in a condition": "select x from ("
    + " union all ".join(["select id as x from orders"] * 11)
    + ") q where "
    + " or ".join(f"x = {n}" for n in range(900)),
}


@pytest.mark.parametrize("text", EXPONENTIAL.values(), ids=EXPONENTIAL)
def test_exponential_growth_is_rejected(text: str) -> None:
    expected = ("too complex", "LATERAL", "queries", "tables")
    assert any(words in rejection(text) for words in expected)


MANY_DIGITS = {
    "product": levels(14, "select 1e99 as x", "select x * x as x from ({q}) q{n} offset 0"),
    "columns": f"select {', '.join(f'mod(x * x, x + {n})' for n in range(120))} "
    "from (select '1e130000'::numeric as x offset 0) p",
    "literal": "select '1e130000' * 1.5 * '1e130000' * '1e130000'",
    "computed": "select x * x * x from (select ('1e' || 130000)::numeric as x offset 0) q",
    "quotients": f"select {' + '.join(['x / x'] * 40)}"
    " from (select '1e-9999'::numeric as x offset 0) q",
}


@pytest.mark.parametrize("text", MANY_DIGITS.values(), ids=MANY_DIGITS)
def test_numbers_with_many_digits_are_rejected(text: str) -> None:
    assert "bytes" in rejection(text) or "deep" in rejection(text)


@pytest.mark.parametrize(
    "power", ["3.0 ^ 137000", "power(3.0, 137000)", "exp(300000.0)", "ln(total)"]
)
def test_powers_are_computed_in_double_precision(power: str) -> None:
    sql = validate(f"select {power} from orders", CATALOGUE, TABLE_ROWS).sql

    assert 'AS "pg_catalog"."float8")' in sql
    assert validate(sql, CATALOGUE, TABLE_ROWS).sql == sql


ROW = f"({', '.join(['x'] * 100)})::text"
ARRAY = f"array[{', '.join(['x'] * 50)}]::text"
CONCAT = f"concat({', '.join(['description'] * 60)})"
REPLACE = f"replace(x, 'a', '{'b' * 50}')"
EXPANDING = {
    "rows as text": levels(
        3, "select name as x from products", f"select {ROW} as x from ({{q}}) q{{n}}"
    ),
    "arrays as text": levels(
        3, "select name as x from products", f"select {ARRAY} as x from ({{q}}) q{{n}}"
    ),
    "columns": f"select {', '.join([CONCAT] * 13)} from products",
    "replaced": levels(
        3, "select name as x from products", f"select {REPLACE} as x from ({{q}}) q{{n}}"
    ),
    "json": levels(
        6,
        "select description as x from products",
        "select json_build_object('a', x)::text as x from ({q}) q{n}",
    ),
}


@pytest.mark.parametrize("text", EXPANDING.values(), ids=EXPANDING)
def test_expanding_texts_are_rejected(text: str) -> None:
    assert any(words in rejection(text) for words in ("times as long", "bytes"))


GATHERING = {
    "array_agg": f"select cardinality(array_agg({WIDE} || a.quantity))"
    f" from order_items a, order_items b where {OPAQUE}",
    "string_agg": f"select length(string_agg(o.id || {WIDE}, ''))"
    " from orders o, users u where o.id is not null",
    "json_agg": f"select json_agg(json_build_object('k', {WIDE}, 'id', id))"
    " from order_items a join orders on true",
    "array": f"select array(select {WIDE} || id from orders) from categories",
}


@pytest.mark.parametrize("text", GATHERING.values(), ids=GATHERING)
def test_collecting_many_rows_in_memory_is_rejected(text: str) -> None:
    assert "could collect" in rejection(text)


def test_wide_rows_get_less_work_mem() -> None:
    """PostgreSQL 17 and 18 count 24 bytes for each sorted row, whatever its width."""
    narrow = validate("select id from orders order by total", CATALOGUE, TABLE_ROWS)
    wide = validate(
        f"select {WIDE} || order_id from order_items order by quantity", CATALOGUE, TABLE_ROWS
    )
    counts = ", ".join(f"count(distinct {n} + order_id)" for n in range(99))
    several = validate(f"select {counts} from order_items", CATALOGUE, TABLE_ROWS)

    assert narrow.work_mem == 8_192
    assert wide.work_mem <= 512
    assert several.work_mem <= 256
    row = ", ".join([f"{WIDE} || o.id"] * 6)
    wider = validate(
        f"select {row}, concat(left(description, 5000)) from orders o, products order by 1",
        CATALOGUE,
        TABLE_ROWS,
    )
    assert (wider.work_mem, wider.largest_sort) == (64, pytest.approx(85e6, rel=0.1))
    sort = {"Node Type": "Sort", "Plans": [{"Node Type": "Seq Scan"}]}
    with pytest.raises(QueryTooExpensive, match="could sort"):
        check_sorts(sort, largest=wider.largest_sort, aggregates=wider.aggregate_sorts)
    check_sorts(sort["Plans"][0], largest=wider.largest_sort, aggregates=wider.aggregate_sorts)


def test_size_of_hashed_subquery_is_estimated() -> None:
    wide = f"select {WIDE} || a.order_id from order_items a, order_items b where {OPAQUE}"

    assert (
        validate(
            f"select 1 from orders o where o.status not in ({wide})", CATALOGUE, TABLE_ROWS
        ).hashed
        > 1e12
    )
    assert (
        validate(
            "select 1 from users where id not in (select user_id from orders)",
            CATALOGUE,
            TABLE_ROWS,
        ).hashed
        < 1e6
    )


def test_join_by_keys_has_the_rows_of_one_table() -> None:
    joined = (
        "orders o join order_items i on i.order_id = o.id join products p on p.id = i.product_id"
    )
    text = "select o.id, string_agg(p.id::text, ',') from {} group by o.id"

    assert validate(text.format(joined), CATALOGUE, TABLE_ROWS).columns == ("id", "string_agg")
    assert validate(
        text.format(joined.replace("join products", "left join products")), CATALOGUE, TABLE_ROWS
    )
    assert "could collect" in rejection(
        text.format(joined.replace("p.id = i.product_id", "p.id > i.product_id"))
    )


@pytest.mark.parametrize(("beginning", "inner", "end"), NESTED_CONSTRUCTS)
@pytest.mark.parametrize("depth", [10, 29, 60, 400])
def test_nested_constructs_are_parsed_fast(
    beginning: str, inner: str, end: str, depth: int
) -> None:
    text = "select " + beginning * depth + inner + end * depth

    def try_to_validate() -> None:
        with suppress(QueryRejected, QueryTooExpensive):
            validate(text[:10_000], CATALOGUE, TABLE_ROWS)

    assert least_cpu_seconds(try_to_validate) < 0.5


def test_interval_of_spaces_is_parsed_fast() -> None:
    text = f"select 1 from generate_series(now(), now(), '{' ' * 9_800}')"

    assert "arguments of generate_series" in rejection(text)


def test_validation_has_a_time_limit() -> None:
    from sluice.adhoc_sql.parser import parse

    ticks = iter(range(1_000))
    with pytest.raises(QueryRejected, match="too long to check"):
        parse("select 1, 2, 3, 4, 5", lambda: float(next(ticks)))
