"""Statements that are small to send and large to plan or to run are refused before PostgreSQL is asked."""

import time
from contextlib import suppress

import pytest

from sluice.adhoc_sql.plan_check import check_sorts
from sluice.adhoc_sql.validator import check
from sluice.errors import QueryRejected, QueryTooExpensive
from tests.adhoc_sql.expensive_queries import OPENINGS

SIZES = {
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
    """`base`, and `count` times `level` around it, where {q} is the query within and {n} the level's number."""
    query = base
    for n in range(count):
        query = level.format(q=query, n=n)
    return query


def refusal(text: str) -> str:
    """What is said against a statement, in well under the time that a function has."""
    began = time.thread_time()
    with pytest.raises((QueryRejected, QueryTooExpensive)) as caught:
        check(text, SIZES)
    assert time.thread_time() - began < 1
    return str(caught.value)


DOUBLED = {
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


@pytest.mark.parametrize("text", DOUBLED.values(), ids=DOUBLED)
def test_what_doubles_with_each_level_is_refused(text: str) -> None:
    assert any(
        words in refusal(text) for words in ("every name replaced", "LATERAL", "queries", "tables")
    )


DIGITS = {
    "product": levels(14, "select 1e99 as x", "select x * x as x from ({q}) q{n} offset 0"),
    "columns": f"select {', '.join(f'mod(x * x, x + {n})' for n in range(120))} "
    "from (select '1e130000'::numeric as x offset 0) p",
    "literal": "select '1e130000' * 1.5 * '1e130000' * '1e130000'",
    "computed": "select x * x * x from (select ('1e' || 130000)::numeric as x offset 0) q",
    "quotients": f"select {' + '.join(['x / x'] * 40)} from (select '1e-9999'::numeric as x offset 0) q",
}


@pytest.mark.parametrize("text", DIGITS.values(), ids=DIGITS)
def test_numbers_of_many_digits_are_refused(text: str) -> None:
    assert "bytes" in refusal(text) or "deep" in refusal(text)


@pytest.mark.parametrize(
    "power", ["3.0 ^ 137000", "power(3.0, 137000)", "exp(300000.0)", "ln(total)"]
)
def test_powers_are_computed_in_double_precision(power: str) -> None:
    sql = check(f"select {power} from orders", SIZES).sql

    assert 'AS "pg_catalog"."float8")' in sql
    assert check(sql, SIZES).sql == sql


GROWN = {
    "rows as text": levels(3, "select name as x from products", f"select ({', '.join(['x'] * 100)})::text as x from ({{q}}) q{{n}}"),
    "arrays as text": levels(3, "select name as x from products", f"select array[{', '.join(['x'] * 50)}]::text as x from ({{q}}) q{{n}}"),
    "columns": f"select {', '.join(['concat(' + ', '.join(['description'] * 60) + ')'] * 13)} from products",
    "replaced": levels(3, "select name as x from products", f"select replace(x, 'a', '{'b' * 50}') as x from ({{q}}) q{{n}}"),
    "json": levels(6, "select description as x from products", "select json_build_object('a', x)::text as x from ({q}) q{n}"),
}  # fmt: skip


@pytest.mark.parametrize("text", GROWN.values(), ids=GROWN)
def test_texts_that_multiply_are_refused(text: str) -> None:
    assert any(words in refusal(text) for words in ("could grow", "bytes"))


KEPT = {
    "array_agg": f"select cardinality(array_agg({WIDE} || a.quantity)) from order_items a, order_items b where {OPAQUE}",
    "string_agg": f"select length(string_agg(o.id || {WIDE}, '')) from orders o, users u where o.id is not null",
    "json_agg": f"select json_agg(json_build_object('k', {WIDE}, 'id', id)) from order_items a join orders on true",
    "array": f"select array(select {WIDE} || id from orders) from categories",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_many_rows_would_keep_in_memory_is_refused(text: str) -> None:
    assert "gather" in refusal(text)


def test_wide_rows_are_sorted_with_less_memory() -> None:
    """PostgreSQL 17 and 18 count 24 bytes for each row that they sort, however wide it is."""
    narrow = check("select id from orders order by total", SIZES)
    wide = check(f"select {WIDE} || order_id from order_items order by quantity", SIZES)
    several = check(
        f"select {', '.join(f'count(distinct {n} + order_id)' for n in range(99))} from order_items",
        SIZES,
    )

    assert narrow.work_mem == 8_192
    assert wide.work_mem <= 512
    assert several.work_mem <= 256
    row = ", ".join([f"{WIDE} || o.id"] * 6)
    wider = check(
        f"select {row}, concat(left(description, 5000)) from orders o, products order by 1", SIZES
    )
    assert (wider.work_mem, wider.largest_sort) == (64, pytest.approx(85e6, rel=0.1))
    sort = {"Node Type": "Sort", "Plans": [{"Node Type": "Seq Scan"}]}
    with pytest.raises(QueryTooExpensive, match="would sort up to"):
        check_sorts(sort, largest=wider.largest_sort, aggregates=wider.aggregate_sorts)
    check_sorts(sort["Plans"][0], largest=wider.largest_sort, aggregates=wider.aggregate_sorts)


def test_what_a_hashed_subquery_may_hold_is_known() -> None:
    wide = f"select {WIDE} || a.order_id from order_items a, order_items b where {OPAQUE}"

    assert check(f"select 1 from orders o where o.status not in ({wide})", SIZES).hashed > 1e12
    assert (
        check("select 1 from users where id not in (select user_id from orders)", SIZES).hashed
        < 1e6
    )


def test_a_join_by_keys_has_no_more_rows_than_its_largest_table() -> None:
    joined = (
        "orders o join order_items i on i.order_id = o.id join products p on p.id = i.product_id"
    )
    text = "select o.id, string_agg(p.id::text, ',') from {} group by o.id"

    assert check(text.format(joined), SIZES).columns == ("id", "string_agg")
    assert check(text.format(joined.replace("join products", "left join products")), SIZES)
    assert "gather" in refusal(
        text.format(joined.replace("p.id = i.product_id", "p.id > i.product_id"))
    )


@pytest.mark.parametrize(("before", "within", "after"), OPENINGS)
@pytest.mark.parametrize("depth", [10, 29, 60, 400])
def test_whatever_opens_is_read_in_no_time(
    before: str, within: str, after: str, depth: int
) -> None:
    text = "select " + before * depth + within + after * depth
    began = time.thread_time()
    with suppress(QueryRejected, QueryTooExpensive):
        check(text[:10_000], SIZES)

    assert time.thread_time() - began < 0.5


def test_an_interval_of_spaces_is_read_in_no_time() -> None:
    text = f"select 1 from generate_series(now(), now(), '{' ' * 9_800}')"

    assert "generate_series takes" in refusal(text)


def test_checking_ends_when_its_time_is_up() -> None:
    from sluice.adhoc_sql.parser import read

    ticks = iter(range(1_000))
    with pytest.raises(QueryRejected, match="too long to check"):
        read("select 1, 2, 3, 4, 5", lambda: float(next(ticks)))
