"""A tour of requests that read or write values: lists, writes, imports, GraphQL, ad-hoc SQL.

`tour` returns each response without the parts that differ between runs, so that the responses of
two databases with the same rows can be compared.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.fixtures.imports import ImportHarness
from tests.fixtures.shop import Shop

NOW = re.compile(r'"20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT[\d:.]+Z"')  # the rows made by `fill` are older
VOLATILE = re.compile(r'"request_id":"[^"]*"|"cost":[\d.]+|"duration_ms":[\d.]+')

# 45 rows for each list, in groups with equal times. Their days and months can be confused.
FILL_STATEMENTS = (
    "INSERT INTO categories (name, slug) VALUES ('Tassen', 'mugs'), ('Löffel', 'spoons')",
    """
    INSERT INTO products (name, description, price, category_id, created_at, updated_at)
    SELECT format('Größe %s', n), CASE WHEN n % 3 = 0 THEN 'Łódź ☕ 漢字 \\ ''"' END,
           n % 7 + 0.05, 1 + n % 2,
           timestamptz '2024-01-02 03:04:05.000006+00' + n / 3 * interval '5 days 7 hours',
           '2024-06-05 00:00+00'
    FROM generate_series(1, 45) AS n ORDER BY n
    """,
    "UPDATE inventory SET quantity = product_id % 4",
    """
    INSERT INTO users (email, name)
    SELECT format('ü%s@example.com', n), 'José' FROM generate_series(1, 45) AS n
    """,
    """
    INSERT INTO orders (user_id, status, total, created_at)
    SELECT 1 + n % 45, (ARRAY['pending', 'paid', 'shipped'])[1 + n % 3], n % 5,
           timestamptz '2024-02-01 20:00+00' + n / 4 * interval '9 hours'
    FROM generate_series(1, 45) AS n ORDER BY n
    """,
    "INSERT INTO order_items SELECT id, 1 + id % 45, 2, 1.5 FROM orders",
)
SORTS = {
    "products": (
        "created_at",
        "created_at:desc",
        "updated_at:desc,price",
        "price:desc,name",
        "name",
        "inventory",
    ),
    "categories": ("created_at:desc", "name"),
    "inventory": ("updated_at", "quantity:desc"),
    "users": ("created_at", "email:desc"),
    "orders": ("created_at", "created_at:desc", "total"),
}
READS = (
    "/api/products?search=GRÖßE%207",
    "/api/products?search=łódź&include_total=true",
    "/api/products?created_after=2024-02-03&created_before=2024-03-02T10:00:00%2B05:30",
    "/api/orders?created_after=2024-02-03&sort=created_at:desc&limit=3",
    "/api/users?email=%C3%9C7%40EXAMPLE.COM",
    "/api/analytics/sales?start_date=2024-02-01&end_date=2024-02-20",
    "/api/products/3",
    "/api/orders/7",
)
GRAPHQL = """
    query ($after: String) {
      products(first: 4, after: $after, sortBy: {field: CREATED_AT, direction: DESC}) {
        edges { cursor node { name createdAt price category { name } inventory } }
        pageInfo { hasNextPage endCursor }
      }
      order(id: 7) { total createdAt user { name } items { product { name } unitPrice } }
    }
"""
ADHOC_QUERIES = (
    """
    select created_at, date_trunc('month', created_at), created_at - timestamptz '2024-01-01'
    from products limit 3
    """,
    """
    select extract(hour from created_at), to_char(created_at, 'TMMonth D HH24'), created_at::date
    from orders limit 3
    """,
    """
    select 0.1::float8 + 0.2, 1e15::float8, 12345678.9::float4,
           interval '1 year 2 days 03:04:05', array[1, null]
    """,
    """
    select to_char(1234567.8, '9G999G999D9'), price / 3, name
    from products order by id limit 3
    """,
    """
    select name from products where description = 'Łódź ☕ 漢字 \\ ''"' order by id limit 2
    """,
    """
    select id from products where created_at >= '2024-02-03' and created_at < '2024-02-13 00:00'
    order by id
    """,
)
CSV = """name,description,price,category
Æther,Ü,1.25,mugs
bad,,x,mugs
Çay,,2,nowhere
Größe 7,neu,3.50,spoons
"""
JSONL = r"""{"name": "naïve", "price": "1.5", "category": "mugs"}
{"name": "x\u0000", "price": 1, "category": "mugs"}
"""


def fill(shop: Shop) -> None:
    for statement in FILL_STATEMENTS:
        shop.sql(statement)


def tour(harness: ImportHarness) -> dict[str, str]:
    """Return each request → its response."""
    return dict(_requests(harness))


def first_pages(shop: Shop) -> dict[str, str]:
    """Return each list and sort → the request of its second page, with a cursor."""
    targets = (
        f"/api/{name}?limit=7&sort={sort}" for name, sorts in SORTS.items() for sort in sorts
    )
    return {target: _next(target, shop.get(target).json) or "" for target in targets}


def read_all_pages(shop: Shop, target: str) -> str:
    """Return the bodies of all pages from `target` on. Fail if the list has more than 10 pages."""
    pages, following = [], target
    while following:
        response = shop.get(following)
        assert response.status == 200, response.text
        assert len(pages) < 10, f"{target} does not end"
        pages.append(response.text)
        following = _next(target, response.json) or ""
    return "\n".join(pages)


def _next(target: str, page: Any) -> str | None:
    cursor = page["pagination"]["next_cursor"]
    return f"{target.partition('&cursor=')[0]}&cursor={quote(cursor)}" if cursor else None


def _requests(harness: ImportHarness) -> Iterator[tuple[str, str]]:
    shop = harness.client
    for name, sorts in SORTS.items():
        for sort in sorts:
            target = f"/api/{name}?limit=7&sort={sort}"
            yield target, read_all_pages(shop, target)
    for target in READS:
        yield target, _normalized(shop.get(target))
    first = shop.graphql(GRAPHQL)
    cursor = first.json["data"]["products"]["pageInfo"]["endCursor"]
    yield "graphql", _normalized(first)
    yield "graphql, second page", _normalized(shop.graphql(GRAPHQL, {"after": cursor}))
    for sql in ADHOC_QUERIES:
        yield sql, _normalized(shop.post("/api/analytics/query", {"query": sql}))
    yield from _writes(shop)
    yield "popular", _normalized(shop.get("/api/analytics/popular-products?days=1"))
    for resource, data, file in (("products", CSV, "x.csv"), ("products", JSONL, "x.jsonl")):
        job = harness.load(data, resource, file)
        yield (
            f"import {file}",
            str({name: job[name] for name in job if name.startswith("rows") or name == "status"}),
        )
        yield f"rejects {file}", str(harness.rejects(job["id"]))
    yield (
        "imported",
        shop.get("/api/products?sort=name&limit=100&fields=name,description,price,category").text,
    )


def _writes(shop: Shop) -> Iterator[tuple[str, str]]:
    body = {
        "name": "Naïve “Tasse” \\ ☕",
        "description": None,
        "price": "0.10",
        "category": "mugs",
        "inventory": 3,
    }
    order = {"user_id": 2, "items": [{"product_id": 46, "quantity": 2}]}
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/api/products", body),
        ("POST", "/api/products", body),  # 409
        ("PATCH", "/api/products/46", {"description": "Zürich"}),
        ("PUT", "/api/categories/2", {"name": "Çatal", "slug": "forks"}),
        ("POST", "/api/orders", order),
        ("POST", "/api/orders", order),  # 409, out of stock
        (
            "PATCH",
            "/api/inventory",
            {"updates": [{"product_id": 1, "quantity": 9}, {"product_id": 2, "quantity": 8}]},
        ),
        ("DELETE", "/api/categories/2", None),  # 409, still referenced
        ("DELETE", "/api/users/45", None),
        ("GET", "/api/products/46", None),
    ]
    for number, (method, target, sent) in enumerate(calls):
        key = {"idempotency_key": f"key {number}"} if method == "POST" else {}
        response = shop.call(method, target, sent, **key)
        yield f"{number} {method} {target}", _normalized(response)
        if key and response.status == 201:
            replayed = shop.call(method, target, sent, **key)
            yield f"{number} again", str(replayed.text == response.text)


def _normalized(response: Any) -> str:
    etag = response.headers.get("ETag", "")
    return VOLATILE.sub("", NOW.sub('"now"', f"{response.status} {etag} {response.text}"))
