"""Random queries that are expensive: every allowed construct, nested and multiplied.

A query is built in levels. Each level computes a value from that of the level below, mostly by
naming it more than once. Around it are sources, conditions, groups and sorts that use much memory
or time.
"""

from collections.abc import Iterator
from random import Random

from tests.engine.adhoc_sql.query_templates import (
    BASE_QUERIES,
    CONDITIONS,
    KEYS,
    LEVELS,
    NESTED_CONSTRUCTS,
    PATTERNS,
    REPEATING_EXPRESSIONS,
    TABLES,
    UNARY_EXPRESSIONS,
)

MAX_BYTES = 10_000


def random_queries(seed: int) -> Iterator[str]:
    """Yield queries of at most MAX_BYTES without end. A seed always yields the same ones."""
    generator = Random(seed)
    while True:
        query = generator.choice((levels, levels, memory, memory, repetition))(generator)
        if len(query.encode()) <= MAX_BYTES:
            yield query


def levels(generator: Random) -> str:
    """Return nested queries over values of one type."""
    kind = generator.choice(("text", "number"))
    query = _filled(generator.choice(BASE_QUERIES[kind]), generator)
    expressions = REPEATING_EXPRESSIONS[kind]
    if generator.random() >= 0.7:
        expressions = UNARY_EXPRESSIONS[kind] + expressions
    few = generator.sample(expressions, min(len(expressions), generator.randint(1, 4)))
    templates = generator.sample(LEVELS, generator.randint(1, 5))
    for n in range(generator.randint(1, 28)):
        expression = _filled(generator.choice(few).replace("{x}", "x"), generator)
        if generator.random() < 0.2:
            outer = _filled(generator.choice(few), generator)
            expression = outer.replace("{x}", f"({expression})")
        template = generator.choice(templates)
        second = query if generator.random() < 0.5 else query.replace("q", "r")
        condition = generator.choice(CONDITIONS[kind])
        longer = template.format(q=query, q2=second, e=expression, n=n, c=condition)
        if len(longer) > MAX_BYTES - 200:
            break
        query = longer
    return _with_outer_select(query, generator)


def _with_outer_select(query: str, generator: Random) -> str:
    columns = generator.choice((1, 1, 1, 2, 10, 150))
    select_lists = ("x", "length(x::text)", "count(*) over (), x", "x, md5(x::text)")
    if columns > 1:
        select_list = ", ".join([generator.choice(select_lists[:2])] * columns)
        return f"select {select_list} from ({query}) z"[:MAX_BYTES]
    return generator.choice(
        (
            query,
            query,
            f"select {generator.choice(select_lists)} from ({query}) z",
            f"select max(x) from ({query}) z",
        )
    )


def _filled(text: str, generator: Random) -> str:
    """Replace the placeholders of a template by long literals."""
    literal = generator.choice('xa"\\') * generator.choice((1, 90, 1_500, 6_000))
    return (
        text.replace("{nines}", "9" * 99)
        .replace("{months}", "TMMonth" * 14)
        .replace("{literal}", literal)
        .replace("{values}", ", ".join([f"('{literal[:50]}')"] * generator.choice((2, 60))))
    )


def memory(generator: Random) -> str:
    """Return a query whose aggregates, hash tables or sorts keep many rows.

    The planner cannot estimate its conditions.
    """
    left, right = generator.choice(TABLES), generator.choice(TABLES)
    a, b = f"a.{KEYS.get(left, 'id')}", f"b.{KEYS.get(right, 'id')}"
    left_column = _column(left, generator)
    right_column = _column(right, generator)
    wide = "'" + "x" * generator.choice((1, 100, 1_500, 4_000)) + "' || "
    condition = _opaque_condition(a, b, generator)
    join = generator.choice(
        (f"{a} = {b}", "true", f"{a} * 0 = {b} * 0", f"{a} % 2 = {b} % 2", f"{a} <> {b}")
    )
    value = generator.choice(
        (f"{wide}{a}", f"{wide}{b}", f"{a}::text", f"{wide}{a} || {b}", f"row({a}, {b})::text")
    )
    aggregate = _aggregate(value, generator)
    source = f"{left} a join {right} b on {join}"
    where = f"{source} where {condition}"
    return generator.choice(
        (
            *_aggregate_queries(value, aggregate, where, a, generator),
            *_hash_queries(value, source, where, a, b, left_column),
            *_sort_queries(value, source, where, a, f"{right_column} from {right} b"),
            *_other_queries(value, aggregate, source, where, condition, a, generator),
        )
    )


def _column(table: str, generator: Random) -> str:
    text = "quantity::text" if table == "order_items" else "version::text"
    return generator.choice((KEYS.get(table, "id"), text))


def _opaque_condition(a: str, b: str, generator: Random) -> str:
    conditions = (
        f"length({a}::text || {b}::text) > -7",
        f"length({a}::text) > -7",
        f"{a} is not null",
        f"{b} + 0 = {b}",
    )
    count = generator.randint(0, 9)
    return " and ".join(generator.choice(conditions) for _ in range(count)) or "true"


def _aggregate(value: str, generator: Random) -> str:
    return generator.choice(
        (
            "string_agg({v}, ',')",
            "array_agg({v})",
            "json_agg({v})",
            "json_agg(json_build_object('k', {v}, 'w', {v}))",
            "array_agg(array[{v}, {v}])",
            "string_agg(distinct {v}, ',' order by {v})",
            "count(distinct {v})",
            "percentile_disc(0.5) within group (order by {v})",
            "mode() within group (order by {v})",
            "max({v})",
        )
    ).format(v=value)


def _aggregate_queries(
    value: str, aggregate: str, where: str, a: str, generator: Random
) -> tuple[str, ...]:
    aggregates = ", ".join([aggregate] * generator.choice((1, 5, 60)))
    return (
        f"select cardinality(array_agg({value})) from {where}",
        f"select length(({aggregate})::text) from {where}",
        f"select {aggregate} from {where} group by {a}",
        f"select {aggregates} from {where}",
    )


def _hash_queries(
    value: str, source: str, where: str, a: str, b: str, column: str
) -> tuple[str, ...]:
    one = f"(select {value} as w, {a} as k from {where} offset 0)"
    other = f"(select {value} as w, {b} as k from {source} offset 0)"
    return (
        f"select count(*) from orders o where o.status not in (select {value} from {where})",
        f"select count(*) from orders o where o.status in (select {value} from {where})"
        " or o.total > 5",
        f"select count(*) from orders o where exists (select 1 from {where}"
        f" and a.{column} = o.status) or o.total < 0",
        f"select count(*) from {one} p join {other} r on p.k * 0 = r.k * 0",
    )


def _sort_queries(value: str, source: str, where: str, a: str, other: str) -> tuple[str, ...]:
    running_sum = (
        f"sum(length({value})) over"
        f" (order by {a} range between unbounded preceding and current row)"
    )
    return (
        f"select {value} from {where} order by 1",
        f"select {value} from {where} except select {other}",
        f"select {value} from {where} intersect select {value} from {source}",
        f"select distinct {value} from {where}",
        f"select {value}, row_number() over (order by {value}), {running_sum} from {where}",
    )


def _other_queries(
    value: str,
    aggregate: str,
    source: str,
    where: str,
    condition: str,
    a: str,
    generator: Random,
) -> tuple[str, ...]:
    third = generator.choice(TABLES)
    limit = generator.choice((1, 10_000))
    subquery_limit = generator.choice((10, 100_000))
    return (
        f"with c as materialized (select {value} as w from {where}) select count(*) from c x, c y",
        f"select * from {source} cross join {third} c where {condition} limit {limit}",
        f"select array(select {value} from {where}) from categories",
        f"select (select {aggregate} from {where} and {a} <> o.id) from orders o order by 1",
        f"select json_agg(w) from (select {value} as w from {where} limit {subquery_limit}) q",
    )


def repetition(generator: Random) -> str:
    """Return a query with many joins, UNIONs, columns, conditions, lists, groups or sorts."""
    n = generator.randint(2, 12)
    count = generator.choice((20, 60, 150, 400))
    table = generator.choice(TABLES)
    key = KEYS.get(table, "id")
    if table == "orders":
        key = generator.choice((key, "user_id"))
    return generator.choice(
        (
            *_joins(table, key, n, generator),
            *_unions(table, key, count, generator),
            *_columns(table, key, count),
            *_conditions(table, key, count),
            *_groups(table, key, count),
            *_subqueries(table, key, count, generator),
            *_patterns(count, generator),
            *_times(table, key, generator),
            *_windows(table, key, generator),
            *_arrays(table, key, count),
            nested_construct(generator),
        )
    )


def _joins(table: str, key: str, n: int, generator: Random) -> tuple[str, ...]:
    aliases = [f"t{k}" for k in range(n)]
    chain = " and ".join(f"t0.{key} = {alias}.{key}" for alias in aliases[1:]) or "true"
    clique = (
        " and ".join(f"{a}.{key} = {b}.{key}" for a in aliases for b in aliases if a < b) or "true"
    )
    tables = ", ".join(f"{table} {alias}" for alias in aliases)
    condition = generator.choice((chain, clique))
    left_joins = " ".join(
        f"left join {generator.choice(TABLES[:4])} u{k} on true" for k in range(n - 1)
    )
    return (
        f"select count(*) from {tables} where {condition}",
        f"select count(*) from {table} t0 {left_joins}",
        f"select * from {' , '.join(aliases)}",
    )


def _unions(table: str, key: str, count: int, generator: Random) -> tuple[str, ...]:
    arms = " union all ".join(f"select {key} + {k} as x from {table}" for k in range(11))
    conditions = " or ".join(f"x = {k}" for k in range(count))
    return (
        " union ".join([f"select {key} from {table}"] * generator.randint(2, 12)),
        " union all ".join([f"select {k} as x" for k in range(min(count, 58))]),
        f"select x from ({arms}) q where {conditions}",
    )


def _columns(table: str, key: str, count: int) -> tuple[str, ...]:
    distinct = ", ".join(f"count(distinct {key} + {k})" for k in range(min(count, 199)))
    sums = ", ".join(
        f"sum({key}) over (order by {key} + {k}, {key} * {k})" for k in range(min(count, 60))
    )
    percentiles = ", ".join(
        f"percentile_cont(0.{k}) within group (order by {key} + {k})"
        for k in range(1, min(count, 99))
    )
    alias = " x" if table == "order_items" else ""
    return (
        f"select {distinct} from {table}{alias}",
        f"select {sums} from {table}",
        f"select {percentiles} from {table}",
    )


def _conditions(table: str, key: str, count: int) -> tuple[str, ...]:
    numbers = ", ".join(map(str, range(min(count * 4, 1_200))))
    few = range(min(count, 300))
    alternatives = " or ".join(f"{key} = {k} and {key} < {k + 2}" for k in few)
    exclusions = " and ".join(f"({key} <> {k} or {key} is null)" for k in few)
    return (
        f"select {key} from {table} where {key} in ({numbers})",
        f"select {key} from {table} where {alternatives}",
        f"select {key} from {table} where {exclusions}",
        f"select {key} from {table} where not (" * 25 + f"{key} > 5" + ")" * 25,
    )


def _groups(table: str, key: str, count: int) -> tuple[str, ...]:
    sets = ", ".join(f"({key} + {k})" for k in range(min(count, 64)))
    rollup = ", ".join(f"{key} + {k}" for k in range(min(count, 60)))
    return (
        "select count(*) from order_items group by cube"
        " (order_id, product_id, quantity, unit_price, order_id + 1, product_id + 1)",
        f"select count(*) from {table} group by grouping sets ({sets})",
        f"select count(*) from {table} group by rollup ({rollup})",
    )


def _subqueries(table: str, key: str, count: int, generator: Random) -> tuple[str, ...]:
    whens = " ".join(f"when {key} = {k} then {k}" for k in range(min(count, 400)))
    subqueries = ", ".join(
        f"(select count(*) from {generator.choice(TABLES)} y{k} where y{k}.id > t.{key})"
        for k in range(11)
    )
    # order_items and inventory have no column id.
    subqueries_of_all = f"select {subqueries} from {table} t"
    for without_id, with_id in (("order_items y", "orders y"), ("inventory y", "users y")):
        subqueries_of_all = subqueries_of_all.replace(without_id, with_id)
    order = ", ".join(f"count(*) + {k}" for k in range(min(count, 150)))
    return (
        f"select case {whens} end from {table}",
        subqueries_of_all,
        f"select count(*) from {table} order by {order}",
    )


def _patterns(count: int, generator: Random) -> tuple[str, ...]:
    one, other, third = (generator.choice(PATTERNS) for _ in range(3))
    return (
        f"select name ~ '{one}', description ~* '{other}' from products",
        f"select substring(description from '{third}') from products",
        f"select description like '{'%a' * count}%' from products",
        f"select description ilike '{'%_e' * count}%', name like description from products",
    )


def _times(table: str, key: str, generator: Random) -> tuple[str, ...]:
    zone = generator.choice(("UTC", "A+1", "Europe/Berlin"))
    year = generator.choice(("0001", "2020"))
    step = generator.choice(("1 day", "30 years", " " * 5_000 + "1 day"))
    interval = generator.choice(("178000000 years", "1 day"))
    return (
        f"select count(now() at time zone '{zone}') from {table}",
        f"select count(('2026-01-01 00:00 ABC+' || {key} % 150)::timestamptz) from {table}",
        f"select d from generate_series(timestamp '{year}-01-01', '9999-12-31', '{step}') d",
        f"select timestamp '294276-12-31' - interval '{interval}' * {key},"
        f" make_interval(years => 100000 * {key}) from {table}",
    )


def _windows(table: str, key: str, generator: Random) -> tuple[str, ...]:
    stars = ", ".join(["p.*", "i.*", "o.*"] * generator.randint(1, 10))
    preceding = 10 ** generator.randint(0, 18)
    following = 10 ** generator.randint(0, 18)
    nth = 10 ** generator.randint(0, 9)
    offset = 10 ** generator.randint(0, 9)
    return (
        f"select {stars} from products p, inventory i, orders o limit 10000",
        f"select sum({key}) over (rows between {preceding} preceding and {following} following)"
        f" from {table}",
        f"select nth_value({key}, {nth}) over (order by {key} % 3),"
        f" lag({key}, {offset}) over () from {table}",
    )


def _arrays(table: str, key: str, count: int) -> tuple[str, ...]:
    numbers = ", ".join(map(str, range(min(count * 4, 1_200))))
    keys = ", ".join([key] * min(count, 400))
    return (
        f"select {key} = any (array[{numbers}]) from {table}",
        f"select row({keys}) from {table}",
        f"select array[{keys}] || array[{keys}] from {table}",
    )


def nested_construct(generator: Random) -> str:
    """Return one construct nested in itself, or two in each other, at some depth."""
    one, other = generator.choice(NESTED_CONSTRUCTS), generator.choice(NESTED_CONSTRUCTS)
    depth = generator.choice((10, 14, 29, 29, 29, 60, 400))
    constructs = [generator.choice((one, one, other)) for _ in range(depth)]
    beginnings = "".join(beginning for beginning, _, _ in constructs)
    ends = "".join(end for _, _, end in reversed(constructs))
    return f"select {beginnings}{one[1]}{ends}"[:MAX_BYTES]
