"""The best handler that can be written by hand on pg8000: PostgreSQL renders the whole response.

Each request is one statement of pg8000's native interface, in autocommit, and its result is the
text of the body. There is no framework, no authentication and no limiter. With `PREPARED` set,
statements are prepared once for each connection, so a request is one round trip. Otherwise it is
`Connection.run`, with pg8000's three round trips for a statement with parameters. That is the
usual way, and the one that RDS Proxy can share connections with.

A broken connection is replaced, and its read repeated once.
"""

import json
import os
import re
import ssl
from typing import Any
from urllib.parse import urlsplit

from pg8000.exceptions import InterfaceError
from pg8000.native import Connection

PRODUCT = """
    SELECT p.id, p.name, p.description, CAST(p.price AS text) AS price,
           (SELECT slug FROM categories c WHERE c.id = p.category_id) AS category,
           (SELECT quantity FROM inventory i WHERE i.product_id = p.id) AS inventory,
           p.created_at, p.updated_at, p.version
    FROM products p
"""
ONE = f"""
    SELECT CAST(row_to_json(product) AS text)
    FROM ({PRODUCT} WHERE p.id = CAST(:id AS bigint)) product
"""
# With lookups of category and stock for the page's rows only, and the limit as a literal, so that
# the planner knows it. With joins before the limit the statement takes 2.1 ms of the server's CPU
# for 20 rows, and 0.5 ms so. Of the ways to render the rows, json_agg takes the least.
PAGE = f"""
    SELECT body, last, EXISTS (SELECT FROM products WHERE id > last) FROM (
        SELECT CAST(json_agg(product) AS text) AS body, max(id) AS last
        FROM (
            {PRODUCT} WHERE p.id > CAST(:cursor AS bigint) ORDER BY p.id LIMIT {{limit}}
        ) product
    ) page
"""
ADD = """
    WITH p AS (
        INSERT INTO products (name, description, price, category_id)
        SELECT CAST(:name AS text), CAST(:description AS text), CAST(:price AS numeric), c.id
        FROM categories c WHERE c.slug = :category RETURNING *
    ), i AS (
        INSERT INTO inventory (product_id, quantity)
        SELECT p.id, CAST(:inventory AS integer) FROM p RETURNING quantity
    )
    SELECT CAST(row_to_json(product) AS text) FROM (
        SELECT p.id, p.name, p.description, CAST(p.price AS text) AS price,
               CAST(:category AS text) AS category, i.quantity AS inventory,
               p.created_at, p.updated_at, p.version
        FROM p, i
    ) product
"""
# The stock is locked in the order of the products' ids. An item without enough stock violates the
# table's check, and the statement changes nothing.
ORDER = """
    WITH wanted AS (
        SELECT p.id, w.quantity, p.price
        FROM unnest(CAST(:products AS bigint[]), CAST(:quantities AS integer[])) w(id, quantity)
        JOIN products p ON p.id = w.id
    ), locked AS (
        SELECT product_id FROM inventory
        WHERE product_id = ANY (CAST(:products AS bigint[])) ORDER BY product_id FOR UPDATE
    ), taken AS (
        UPDATE inventory i SET quantity = i.quantity - w.quantity
        FROM locked l JOIN wanted w ON w.id = l.product_id WHERE i.product_id = l.product_id
    ), o AS (
        INSERT INTO orders (user_id, total)
        SELECT CAST(:user AS bigint), sum(quantity * price) FROM wanted RETURNING *
    ), lines AS (
        INSERT INTO order_items (order_id, product_id, quantity, unit_price)
        SELECT o.id, w.id, w.quantity, w.price FROM o, wanted w
    )
    SELECT CAST(row_to_json(placed) AS text) FROM (
        SELECT o.id, o.user_id, o.status, (
            SELECT json_agg(json_build_object(
                'product_id', w.id, 'quantity', w.quantity, 'unit_price', CAST(w.price AS text)
            ) ORDER BY w.id) FROM wanted w
        ) AS items, CAST(o.total AS text) AS total, o.created_at, o.updated_at, o.version FROM o
    ) placed
"""
PREPARED = bool(os.environ.get("PREPARED"))  # noqa: TID251 - a peer has its own environment

_connection: Any = None
_prepared: dict[str, Any] = {}


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    path, method = event["rawPath"], event["requestContext"]["http"]["method"]
    if method == "POST":
        return (_order if path == "/api/orders" else _add)(json.loads(event["body"]))
    if method != "GET":
        return _answer(405, '{"message": "method not allowed"}')
    if path == "/api/products":
        return _list(event.get("queryStringParameters") or {})
    match = re.fullmatch(r"/api/products/(\d+)", path)
    return _one(int(match[1])) if match else _answer(404, '{"message": "not found"}')


def _one(product_id: int) -> dict[str, Any]:
    rows = _run(ONE, id=product_id)
    return _answer(200, rows[0][0]) if rows else _answer(404, '{"message": "not found"}')


def _list(query: dict[str, str]) -> dict[str, Any]:
    try:
        limit, cursor = int(query.get("limit", "20")), int(query.get("cursor", "0"))
    except ValueError:
        return _answer(400, '{"message": "limit and cursor are numbers"}')
    if not 1 <= limit <= 100:
        return _answer(400, '{"message": "limit is 1 to 100"}')
    body, last, has_more = _run(PAGE.format(limit=limit), cursor=cursor)[0]
    following = f'true,"next_cursor":"{last}"' if has_more else 'false,"next_cursor":null'
    pagination = f'{{"limit":{limit},"has_more":{following}}}'
    return _answer(200, f'{{"data":{body or "[]"},"pagination":{pagination}}}')


def _add(sent: dict[str, Any]) -> dict[str, Any]:
    rows = _run(ADD, **{"description": None, "inventory": 0} | sent)
    return _answer(201, rows[0][0]) if rows else _answer(422, '{"message": "no such category"}')


def _order(sent: dict[str, Any]) -> dict[str, Any]:
    products = [item["product_id"] for item in sent["items"]]
    quantities = [item["quantity"] for item in sent["items"]]
    rows = _run(ORDER, user=sent["user_id"], products=products, quantities=quantities)
    return _answer(201, rows[0][0])


def _answer(status: int, body: str) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": body}


def _run(sql: str, **params: object) -> list[list[Any]]:
    global _connection
    if _connection is None:
        _connection = _connect()
    try:
        return _execute(sql, params)
    except InterfaceError:
        _connection = _connect()
        return _execute(sql, params)


def _execute(sql: str, params: dict[str, object]) -> list[list[Any]]:
    if not PREPARED:
        return _connection.run(sql, **params)
    statement = _prepared.get(sql)
    if statement is None:
        statement = _prepared[sql] = _connection.prepare(sql)
    return statement.run(**params)


def _connect() -> Any:
    _prepared.clear()
    url = urlsplit(os.environ["DATABASE_URL"])  # noqa: TID251
    ca_file = os.environ.get("DATABASE_CA")  # noqa: TID251
    return Connection(
        url.username,
        password=url.password,
        host=url.hostname,
        port=url.port,
        database=url.path.strip("/"),
        ssl_context=ssl.create_default_context(cafile=ca_file) if ca_file else False,
    )
