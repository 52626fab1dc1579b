"""A tour through everything that reads or writes a value: lists, cursors, writes, imports, reports, GraphQL, analysts.

`tour` returns what each request answered, without what differs from run to run, so that two databases with the same
rows can be compared.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.fixtures.shop import Shop
from tests.imports.conftest import Depot

NOW = re.compile(r'"20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT[\d:.]+Z"')  # the rows made by `fill` are older
OF_A_RUN = re.compile(r'"request_id":"[^"]*"|"cost":[\d.]+|"duration_ms":[\d.]+')

# 45 rows of each list, in groups with equal times, from years in which a day and a month can be mistaken.
FILL = (
    "INSERT INTO categories (name, slug) VALUES ('Tassen', 'mugs'), ('Löffel', 'spoons')",
    """
    INSERT INTO products (name, description, price, category_id, created_at, updated_at)
    SELECT format('Größe %s', n), CASE WHEN n % 3 = 0 THEN 'Łódź ☕ 漢字 \\ ''"' END, n % 7 + 0.05, 1 + n % 2,
           timestamptz '2024-01-02 03:04:05.000006+00' + n / 3 * interval '5 days 7 hours', '2024-06-05 00:00+00'
    FROM generate_series(1, 45) AS n ORDER BY n
    """,
    "UPDATE inventory SET quantity = product_id % 4",
    "INSERT INTO users (email, name) SELECT format('ü%s@example.com', n), 'José' FROM generate_series(1, 45) AS n",
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
ANALYST = (
    "select created_at, date_trunc('month', created_at), created_at - timestamptz '2024-01-01' from products limit 3",
    "select extract(hour from created_at), to_char(created_at, 'TMMonth D HH24'), created_at::date from orders limit 3",
    "select 0.1::float8 + 0.2, 1e15::float8, 12345678.9::float4, interval '1 year 2 days 03:04:05', array[1, null]",
    "select to_char(1234567.8, '9G999G999D9'), price / 3, name from products order by id limit 3",
    "select name from products where description = 'Łódź ☕ 漢字 \\ ''\"' order by id limit 2",
    "select id from products where created_at >= '2024-02-03' and created_at < '2024-02-13 00:00' order by id",
)
CSV = "name,description,price,category\nÆther,Ü,1.25,mugs\nbad,,x,mugs\nÇay,,2,nowhere\nGröße 7,neu,3.50,spoons\n"
JSONL = '{"name": "naïve", "price": "1.5", "category": "mugs"}\n{"name": "x\\u0000", "price": 1, "category": "mugs"}\n'


def fill(shop: Shop) -> None:
    for statement in FILL:
        shop.sql(statement)


def tour(depot: Depot) -> dict[str, str]:
    """What was asked → what was answered."""
    return dict(_visits(depot))


def first_pages(shop: Shop) -> dict[str, str]:
    """For each sort of each list: the target of its second page, which holds a cursor."""
    targets = (
        f"/api/{name}?limit=7&sort={sort}" for name, sorts in SORTS.items() for sort in sorts
    )
    return {target: _next(target, shop.get(target).json) or "" for target in targets}


def walk(shop: Shop, target: str) -> str:
    """The texts of all pages from here on; ends at 45 rows, and fails where there are more."""
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


def _visits(depot: Depot) -> Iterator[tuple[str, str]]:
    shop = depot.shop
    for name, sorts in SORTS.items():
        for sort in sorts:
            target = f"/api/{name}?limit=7&sort={sort}"
            yield target, walk(shop, target)
    for target in READS:
        yield target, _plain(shop.get(target))
    first = shop.graphql(GRAPHQL)
    cursor = first.json["data"]["products"]["pageInfo"]["endCursor"]
    yield "graphql", _plain(first)
    yield "graphql, second page", _plain(shop.graphql(GRAPHQL, {"after": cursor}))
    for sql in ANALYST:
        yield sql, _plain(shop.post("/api/analytics/query", {"query": sql}))
    yield from _writes(shop)
    yield "popular", _plain(shop.get("/api/analytics/popular-products?days=1"))
    for resource, data, file in (("products", CSV, "x.csv"), ("products", JSONL, "x.jsonl")):
        job = depot.load(data, resource, file)
        yield (
            f"import {file}",
            str({name: job[name] for name in job if name.startswith("rows") or name == "status"}),
        )
        yield f"rejects {file}", str(depot.rejects(job["id"]))
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
        yield f"{number} {method} {target}", _plain(response)
        if key and response.status == 201:
            replayed = shop.call(method, target, sent, **key)
            yield f"{number} again", str(replayed.text == response.text)


def _plain(response: Any) -> str:
    etag = response.headers.get("ETag", "")
    return OF_A_RUN.sub("", NOW.sub('"now"', f"{response.status} {etag} {response.text}"))
