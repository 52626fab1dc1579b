"""Statements that nobody asks and that grow: every construct that analysts may use, nested and multiplied at random.

A statement is put together in levels. Each level makes one value of the one below, mostly by naming it more than once;
around it go sources, conditions, groups and sorts that hold much or take long.
"""

import random
from collections.abc import Callable, Iterator

MAX_BYTES = 10_000

Chance = random.Random
Maker = Callable[[Chance], str]

ONCE = {  # what makes of a value another one of the same type
    "text": (
        "lower({x})", "upper({x})", "initcap({x})", "reverse({x})", "left({x}, 9999)", "trim(both 'x' from {x})",
        "md5({x})", "substring({x} from 1 for 5000)", "substring({x} from '[a-z]+')", "split_part({x}, 'a', 1)",
        "replace({x}, 'a', 'bbbbbbbbbbbbbbbb')", "replace({x}, '\"', '\\\\\\\\')", "coalesce(max({x}) over (), 'x')",
        "({x})::varchar(9)", "lag({x}) over (order by {x})", "to_char(length({x}), '{nines}')",
        "to_char(now(), '{months}')", "(array[{x}])::text", "row({x})::text", "json_build_object('a', {x})::text",
        "string_agg({x}, ',') over ()", "concat_ws({x}, 'a', 'b', 'c')", "(select {x})", "ltrim({x}, {x})",
    ),
    "number": (
        "round({x}, 100)", "trunc({x}, -50)", "({x})::numeric(100, 50)", "sqrt(abs({x}))", "power({x}, 2)", "{x} ^ 2",
        "exp(least({x}, 700))", "ln(abs({x}) + 1)", "log(abs({x}) + 2)", "log(2, abs({x}) + 1)", "-{x}", "abs({x})",
        "({x})::float8::numeric", "({x})::text::numeric", "sum({x}) over ()", "avg({x}) over (order by {x})",
        "stddev({x}) over ()", "{x} * 1e99", "{x} / 3.7e-99", "{x} / 1e-99", "mod({x}, 7e-30)", "div({x}, 3e-60)",
        "greatest({x}, 1e99)", "coalesce('1e9999', {x})", "'1e130000' + {x}", "(select {x})", "{x} % 1e-40",
        "width_bucket({x}, 0, 100, 1000000)", "extract(epoch from now()) * {x}", "ceil({x})", "sign({x})",
    ),
}  # fmt: skip
TWICE = {  # what names a value more than once
    "text": (
        "{x} || {x}", "concat({x}, {x}, {x})", "greatest({x}, {x}, {x}, {x})", "coalesce({x}, {x})",
        "case when {x} = {x} then {x} else {x} end", "nullif({x}, {x} || 'a')", "({x}, {x})::text",
        "row({x}, {x}, {x})::text", "array[{x}, {x}]::text", "json_build_object('a', {x}, 'b', {x})::text",
        "concat_ws(',', {x}, {x})", "replace({x} || {x}, 'e', 'eeeeeeee')", "({x} || {x} in ({x}, {x}))::text",
        "(select {x} || {x})", "array(select {x} union all select {x})::text", "(select max({x}) || {x})",
        "case {x} when {x} then {x} || '\"' end", "({x} like {x})::text || {x}", "trim({x} from {x} || {x})",
    ),
    "number": (
        "{x} + {x}", "{x} * {x}", "{x} - {x} * 2", "{x} / ({x} + 1)", "mod({x} * {x}, {x} + 1)", "greatest({x}, {x}, {x})",
        "least({x}, {x}, {x}, {x})", "coalesce({x}, {x}, {x})", "case when {x} > {x} then {x} else {x} * {x} end",
        "{x} % ({x} + 3)", "nullif({x}, {x} + 1)", "power({x}, {x})", "{x} ^ {x}", "div({x} * {x}, {x} + 1)",
        "round({x} * {x}, 50)", "(select {x} + {x})", "({x} between {x} and {x})::int + {x}", "({x} + {x}) * ({x} + {x})",
        "log(abs({x}) + 2, abs({x}) + 3)", "sqrt({x} * {x})", "({x} in ({x}, {x}, 1))::int * {x}",
        "(array_length(array[{x}, {x}], 1)) * {x}", "sum({x} * {x}) over (partition by {x})",
    ),
}  # fmt: skip
BASES = {
    "text": (
        "select name as x from products", "select description as x from products", "select 'xaxa\"\"\\\\' as x",
        "select email as x from users", "select '{literal}' as x from orders", "select v as x from (values {values}) t(v)",
        "select string_agg(name, ',') as x from products", "select array_agg(id)::text as x from order_items",
        "select json_agg(json_build_object('a', name, 'b', email))::text as x from users",
        "select string_agg(p.name, ',') as x from products p, categories c",
        "select string_agg(status, ',' order by total) as x from orders group by user_id",
        "select o.status || i.quantity as x from orders o join order_items i on i.order_id = o.id",
    ),
    "number": (
        "select 1 as x", "select 1.5 as x", "select total as x from orders", "select 3.0 ^ 137000 as x",
        "select 1e99 as x", "select n as x from generate_series(1, 10000) g(n)", "select '1e130000'::numeric as x",
        "select quantity * unit_price as x from order_items", "select power(3.0, 137000) as x",
        "select sum(total) as x from orders group by user_id", "select ('1e' || 130000)::numeric as x",
        "select a.quantity as x from order_items a, order_items b", "select sum(total) * 1e99 as x from orders",
    ),
}  # fmt: skip
LEVELS = (
    "select {e} as x from ({q}) q{n}", "select {e} as x from ({q}) q{n} offset 0", "select distinct {e} as x from ({q}) q{n}",
    "with q{n} as ({q}) select {e} as x from q{n}", "with q{n} as materialized ({q}) select {e} as x from q{n}",
    "with q{n} as not materialized ({q}) select {e} as x from q{n}",
    "with q{n} as not materialized ({q}) select {e} as x from q{n} union all select x from q{n}",
    "select {e} as x from ({q}) q{n} limit 50", "select {e} as x from ({q}) q{n} order by x",
    "select {e} as x from ({q}) q{n} where {c}", "select max({e}) as x from ({q}) q{n} group by x",
    "select q{n}b.x from ({q}) q{n}, lateral (select {e} as x) q{n}b", "({q}) union ({q2})", "({q}) union all ({q2})",
    "({q}) except ({q2})", "({q}) intersect all ({q2})", "select {e} as x from ({q}) q{n} group by x having {c}",
    "select {e} as x from ({q}) q{n} window w as (order by x rows between 1000000000 preceding and 5 following)",
    "select x from ({q}) q{n} where x in (select {e} from ({q2}) r{n})", "select (select {e}) as x from ({q}) q{n}",
    "select x from (values (1), (2), (3)) v{n}(k), ({q}) q{n} where {c}", "select min(x) as x from ({q}) q{n} group by {e}",
)  # fmt: skip
CONDITIONS = {
    "text": (
        "x > 'a' and x is distinct from x || 'a'", "length(x) >= 0 and length(x || x) > -7", "x like '%a%e%i%o%u%'",
        "x ~ '(a|b)*c'", "x ilike x", "x not in (select name from products)", "x !~* '^(.*a){10}'", "x like x || '%'",
    ),
    "number": (
        "x = x and x + 1 > x", "length(x::text) > -7", "x not in (select total from orders)", "x * x >= 0",
        "x in (select quantity from order_items) or x > 0", "x between x - 1 and x + 1",
    ),
}  # fmt: skip
TABLES = ("orders", "order_items", "products", "users", "inventory", "categories")
KEY = {"order_items": "order_id", "inventory": "product_id"}


def nested(chance: Chance) -> str:
    """Levels upon levels; most of one kind of value."""
    kind = chance.choice(("text", "number"))
    query = _filled(chance.choice(BASES[kind]), chance)
    grows = TWICE[kind] if chance.random() < 0.7 else ONCE[kind] + TWICE[kind]
    few = chance.sample(grows, min(len(grows), chance.randint(1, 4)))
    levels = chance.sample(LEVELS, chance.randint(1, 5))
    for n in range(chance.randint(1, 28)):
        expression = _filled(chance.choice(few).replace("{x}", "x"), chance)
        repeated = chance.random() < 0.2
        if repeated:
            expression = _filled(chance.choice(few), chance).replace("{x}", f"({expression})")
        level = chance.choice(levels)
        parts = {
            "q": query,
            "q2": query if chance.random() < 0.5 else query.replace("q", "r"),
            "e": expression,
        }
        longer = level.format(**parts, n=n, c=chance.choice(CONDITIONS[kind]))
        if len(longer) > MAX_BYTES - 200:
            break
        query = longer
    return _ended(query, chance)


def _ended(query: str, chance: Chance) -> str:
    columns = chance.choice((1, 1, 1, 2, 10, 150))
    ways = ("x", "length(x::text)", "count(*) over (), x", "x, md5(x::text)")
    if columns > 1:
        return f"select {', '.join([chance.choice(ways[:2])] * columns)} from ({query}) z"[
            :MAX_BYTES
        ]
    return chance.choice(
        (
            query,
            query,
            f"select {chance.choice(ways)} from ({query}) z",
            f"select max(x) from ({query}) z",
        )
    )


def _filled(text: str, chance: Chance) -> str:
    literal = chance.choice('xa"\\') * chance.choice((1, 90, 1_500, 6_000))
    return (
        text.replace("{nines}", "9" * 99)
        .replace("{months}", "TMMonth" * 14)
        .replace("{literal}", literal)
        .replace("{values}", ", ".join([f"('{literal[:50]}')"] * chance.choice((2, 60))))
    )


def held(chance: Chance) -> str:
    """Rows that aggregates, hash tables and sorts keep, behind conditions that the planner cannot judge."""
    one, other = chance.choice(TABLES), chance.choice(TABLES)
    key, its = KEY.get(one, "id"), KEY.get(other, "id")
    column, theirs = (
        chance.choice((k, "version::text" if t not in ("order_items",) else "quantity::text"))
        for t, k in ((one, key), (other, its))
    )
    wide = "'" + "x" * chance.choice((1, 100, 1_500, 4_000)) + "' || "
    opaque = (
        " and ".join(
            chance.choice(
                (
                    f"length(a.{key}::text || b.{its}::text) > -7",
                    f"length(a.{key}::text) > -7",
                    f"a.{key} is not null",
                    f"b.{its} + 0 = b.{its}",
                )
            )
            for _ in range(chance.randint(0, 9))
        )
        or "true"
    )
    join = chance.choice(
        (
            f"a.{key} = b.{its}",
            "true",
            f"a.{key} * 0 = b.{its} * 0",
            f"a.{key} % 2 = b.{its} % 2",
            f"a.{key} <> b.{its}",
        )
    )
    value = chance.choice(
        (
            f"{wide}a.{key}",
            f"{wide}b.{its}",
            f"a.{key}::text",
            f"{wide}a.{key} || b.{its}",
            f"row(a.{key}, b.{its})::text",
        )
    )
    gather = chance.choice(
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
    source = f"{one} a join {other} b on {join}"
    shapes = (
        f"select cardinality(array_agg({value})) from {source} where {opaque}",
        f"select length(({gather})::text) from {source} where {opaque}",
        f"select {gather} from {source} where {opaque} group by a.{key}",
        f"select {', '.join([gather] * chance.choice((1, 5, 60)))} from {source} where {opaque}",
        f"select count(*) from orders o where o.status not in (select {value} from {source} where {opaque})",
        f"select count(*) from orders o where o.status in (select {value} from {source} where {opaque}) or o.total > 5",
        f"select count(*) from orders o where exists (select 1 from {source} where {opaque} and a.{column} = o.status) or o.total < 0",
        f"select count(*) from (select {value} as w, a.{key} as k from {source} where {opaque} offset 0) p join (select {value} as w, b.{its} as k from {source} offset 0) r on p.k * 0 = r.k * 0",
        f"select {value} from {source} where {opaque} order by 1",
        f"select {value} from {source} where {opaque} except select {theirs} from {other} b",
        f"select {value} from {source} where {opaque} intersect select {value} from {source}",
        f"select distinct {value} from {source} where {opaque}",
        f"select {value}, row_number() over (order by {value}), sum(length({value})) over (order by a.{key} range between unbounded preceding and current row) from {source} where {opaque}",
        f"with c as materialized (select {value} as w from {source} where {opaque}) select count(*) from c x, c y",
        f"select * from {source} cross join {chance.choice(TABLES)} c where {opaque} limit {chance.choice((1, 10_000))}",
        f"select array(select {value} from {source} where {opaque}) from categories",
        f"select (select {gather} from {source} where {opaque} and a.{key} <> o.id) from orders o order by 1",
        f"select json_agg(w) from (select {value} as w from {source} where {opaque} limit {chance.choice((10, 100_000))}) q",
    )  # fmt: skip
    return chance.choice(shapes)


def long(chance: Chance) -> str:
    """Many of the same: joins, arms of UNION, columns, conditions, lists, sets of groups, sorts."""
    n = chance.randint(2, 12)
    many = chance.choice((20, 60, 150, 400))
    aliases = [f"t{k}" for k in range(n)]
    table = chance.choice(TABLES)
    key = (
        chance.choice((KEY.get(table, "id"), "user_id"))
        if table == "orders"
        else KEY.get(table, "id")
    )
    chain = " and ".join(f"t0.{key} = {alias}.{key}" for alias in aliases[1:]) or "true"
    clique = (
        " and ".join(f"{a}.{key} = {b}.{key}" for a in aliases for b in aliases if a < b) or "true"
    )
    shapes = (
        f"select count(*) from {', '.join(f'{table} {alias}' for alias in aliases)} where {chance.choice((chain, clique))}",
        f"select count(*) from {table} t0 " + " ".join(f"left join {chance.choice(TABLES[:4])} u{k} on true" for k in range(n - 1)),
        f"select * from {' natural_ '.join(aliases)}".replace("natural_", ","),
        " union ".join([f"select {key} from {table}"] * chance.randint(2, 12)),
        " union all ".join([f"select {k} as x" for k in range(min(many, 58))]),
        f"select x from ({' union all '.join(f'select {key} + {k} as x from {table}' for k in range(11))}) q where " + " or ".join(f"x = {k}" for k in range(many)),
        f"select {', '.join(f'count(distinct {key} + {k})' for k in range(min(many, 199)))} from order_items x" if table == "order_items" else f"select {', '.join(f'count(distinct {key} + {k})' for k in range(min(many, 199)))} from {table}",
        f"select {', '.join(f'sum({key}) over (order by {key} + {k}, {key} * {k})' for k in range(min(many, 60)))} from {table}",
        f"select {', '.join(f'percentile_cont(0.{k}) within group (order by {key} + {k})' for k in range(1, min(many, 99)))} from {table}",
        f"select {key} from {table} where {key} in ({', '.join(map(str, range(min(many * 4, 1_200))))})",
        f"select {key} from {table} where " + " or ".join(f"{key} = {k} and {key} < {k + 2}" for k in range(min(many, 300))),
        f"select {key} from {table} where " + " and ".join(f"({key} <> {k} or {key} is null)" for k in range(min(many, 300))),
        f"select {key} from {table} where not (" * 25 + f"{key} > 5" + ")" * 25,
        "select count(*) from order_items group by cube (order_id, product_id, quantity, unit_price, order_id + 1, product_id + 1)",
        f"select count(*) from {table} group by grouping sets ({', '.join(f'({key} + {k})' for k in range(min(many, 64)))})",
        f"select count(*) from {table} group by rollup ({', '.join(f'{key} + {k}' for k in range(min(many, 60)))})",
        f"select case {' '.join(f'when {key} = {k} then {k}' for k in range(min(many, 400)))} end from {table}",
        f"select {', '.join(f'(select count(*) from {chance.choice(TABLES)} y{k} where y{k}.{{}} > t.{key})'.format('id') for k in range(11))} from {table} t".replace("order_items y", "orders y").replace("inventory y", "users y"),
        f"select count(*) from {table} order by " + ", ".join(f"count(*) + {k}" for k in range(min(many, 150))),
        f"select name ~ '{chance.choice(PATTERNS)}', description ~* '{chance.choice(PATTERNS)}' from products",
        f"select substring(description from '{chance.choice(PATTERNS)}') from products",
        f"select description like '{'%a' * many}%' from products",
        f"select description ilike '{'%_e' * many}%', name like description from products",
        f"select count(now() at time zone '{chance.choice(('UTC', 'A+1', 'Europe/Berlin'))}') from {table}",
        f"select count(('2026-01-01 00:00 ABC+' || {key} % 150)::timestamptz) from {table}",
        f"select d from generate_series(timestamp '{chance.choice(('0001', '2020'))}-01-01', '9999-12-31', '{chance.choice(('1 day', '30 years', ' ' * 5_000 + '1 day'))}') d",
        f"select timestamp '294276-12-31' - interval '{chance.choice(('178000000 years', '1 day'))}' * {key}, make_interval(years => 100000 * {key}) from {table}",
        f"select {', '.join(['p.*', 'i.*', 'o.*'] * chance.randint(1, 10))} from products p, inventory i, orders o limit 10000",
        f"select sum({key}) over (rows between {10 ** chance.randint(0, 18)} preceding and {10 ** chance.randint(0, 18)} following) from {table}",
        f"select nth_value({key}, {10 ** chance.randint(0, 9)}) over (order by {key} % 3), lag({key}, {10 ** chance.randint(0, 9)}) over () from {table}",
        f"select {key} = any (array[{', '.join(map(str, range(min(many * 4, 1_200))))}]) from {table}",
        f"select row({', '.join([key] * min(many, 400))}) from {table}",
        f"select array[{', '.join([key] * min(many, 400))}] || array[{', '.join([key] * min(many, 400))}] from {table}",
        opening(chance),
    )  # fmt: skip
    return chance.choice(shapes)


PATTERNS = (
    "(a+)+b", "(a|aa)*c", "(.*a){20}", "((a{1,7}){1,7})b", "(a{50})", "[a-z]*[a-z]*[a-z]*[a-z]*1", "(?=.*a)(?=.*e)x",
    "(.+)*(.+)*(.+)*x", "\\\\m\\\\w+\\\\M.*\\\\m\\\\w+\\\\M", "^(a?){50}a{50}$", "(x+x+)+y", "((((a*)*)*)*)*b", "[^b]*b[^b]*b{40}",
    ".{1,50}x.*y.*z.*a.*b", "(a|b|c|d|e|f|g){50}", "\\\\S*\\\\s*\\\\S*\\\\s*x", "(\\\\w|\\\\d|[a-z])*!", "(?:a{0,50}b{0,1}){1}c",
)  # fmt: skip
OPENINGS = (
    ("array[", "1", "]"), ("1::decimal(", "1", ")"), ("1 limit (select ", "1", ")"), ("(", "1", ")"), ("(select ", "1", ")"),
    ("case when true then ", "1", " end"), ("not ", "true", ""), ("- ", "1", ""), ("+ ", "1", ""), ("row(", "1", ")"),
    ("coalesce(", "1", ")"), ("cast(", "1", " as int)"), ("exists (select ", "1", ")"), ("1 in (select ", "1", ")"),
    ("1 + ", "1", ""), ("1 = any (array[", "1", "])"), ("array(select ", "1", ")"), ("greatest(1, ", "1", ")"),
    ("extract(day from ", "now()", ")"), ("trim('a' from ", "'b'", ")"), ("substring('a' from ", "1", ")"),
    ("1 between 0 and ", "1", ""), ("1 from (select ", "1", ") q"), ("x.y.", "z", ""), ("interval '1 day' + ", "now()", ""),
    ("sum(1) over (order by ", "1", ")"), ("count(*) filter (where ", "true", ")"), ("1 offset (select ", "1", ")"),
    ("1 union select ", "1", ""), ("1 from a join (b ", "c", ")"), ("numeric(", "1", ")"), ("a[", "1", "]"),
    ("f(variadic ", "1", ")"), ("case 1 when ", "1", " then 1 end"), ("1 is distinct from ", "1", ""), ("1::int[", "1", "]"),
    ("position('a' in ", "'b'", ")"), ("overlay(", "'a'", " placing 'b' from 1)"), ("x'", "1", "'"), ("/*", "1", "*/"),
    ("xmlelement(name a, ", "1", ")"), ("json_object('a': ", "1", ")"), ("(values (", "1", "))"), ("(with q as (select ", "1", ") select 1)"),
    ("grouping sets (", "1", ")"), ("'a' like ", "'b'", ""), ("'a' collate \"C\" || ", "'b'", ""), ("1 at time zone ", "'b'", ""),
    ("1 = all (select ", "1", ")"), ("lateral (select ", "1", ") q"), ("nullif(1, ", "1", ")"), ("{", "1", "}"), ("[", "1", "]"),
    ("map[", "1", "]"), ("struct(", "1", ")"), ("x -> ", "1", ""), ("$$", "1", "$$"), ("if(", "1", ", 1, 2)"), ("date '2026-01-01' - ", "1", ""),
)  # fmt: skip


def opening(chance: Chance) -> str:
    """A construct within itself, or two within each other, more or less deep."""
    one, other = chance.choice(OPENINGS), chance.choice(OPENINGS)
    depth = chance.choice((10, 14, 29, 29, 29, 60, 400))
    pairs = [chance.choice((one, one, other)) for _ in range(depth)]
    text = (
        "select "
        + "".join(pair[0] for pair in pairs)
        + one[1]
        + "".join(pair[2] for pair in reversed(pairs))
    )
    return text[:MAX_BYTES]


def statements(seed: int) -> Iterator[str]:
    """Without end, the same for the same seed; none longer than MAX_BYTES."""
    chance = random.Random(seed)
    while True:
        text = chance.choice((nested, nested, held, held, long))(chance)
        if len(text.encode()) <= MAX_BYTES:
            yield text
