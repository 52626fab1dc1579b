"""A peer without a framework: json and pg8000, one global connection.

It uses pg8000's `Connection.run` in autocommit, with its three round trips for a statement with
parameters. TLS is off, as for all contenders. A broken connection is replaced, and its read
repeated once.
"""

import json
import os
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

SELECT = """
    SELECT p.id, p.name, p.description, p.price, c.slug, i.quantity,
           p.created_at, p.updated_at, p.version
    FROM products p
    JOIN categories c ON c.id = p.category_id
    JOIN inventory i ON i.product_id = p.id
"""
ONE = SELECT + "WHERE p.id = :id"
PAGE = SELECT + "WHERE p.id > :cursor ORDER BY p.id LIMIT :fetch"
ADD = """
    WITH p AS (
        INSERT INTO products (name, description, price, category_id)
        SELECT CAST(:name AS text), CAST(:description AS text), CAST(:price AS numeric), c.id
        FROM categories c WHERE c.slug = :category RETURNING *
    ), i AS (
        INSERT INTO inventory (product_id, quantity)
        SELECT p.id, CAST(:inventory AS integer) FROM p RETURNING quantity
    )
    SELECT p.id, p.name, p.description, p.price, CAST(:category AS text), i.quantity,
           p.created_at, p.updated_at, p.version
    FROM p, i
"""
TAKE = """
    UPDATE inventory i SET quantity = i.quantity - :quantity FROM products p
    WHERE i.product_id = :product AND p.id = i.product_id AND i.quantity >= :quantity
    RETURNING p.price
"""
ORDER = """
    WITH o AS (
        INSERT INTO orders (user_id, total) VALUES (:user, :total) RETURNING *
    ), lines AS (
        INSERT INTO order_items (order_id, product_id, quantity, unit_price)
        SELECT o.id, l.* FROM o, unnest(
            CAST(:products AS bigint[]), CAST(:quantities AS integer[]), CAST(:prices AS numeric[])
        ) l
    )
    SELECT id, user_id, status, total, created_at, updated_at, version FROM o
"""

_connection: Any = None


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    path, method = event["rawPath"], event["requestContext"]["http"]["method"]
    if method == "POST":
        return (_order if path == "/api/orders" else _add)(json.loads(event["body"]))
    if method != "GET":
        return _answer(405, {"message": "method not allowed"})
    if path == "/api/products":
        return _list(event.get("queryStringParameters") or {})
    match = re.fullmatch(r"/api/products/(\d+)", path)
    return _one(int(match[1])) if match else _answer(404, {"message": "not found"})


def _one(product_id: int) -> dict[str, Any]:
    rows = _run(ONE, id=product_id)
    return _answer(200, _product(rows[0])) if rows else _answer(404, {"message": "not found"})


def _list(query: dict[str, str]) -> dict[str, Any]:
    try:
        limit, cursor = int(query.get("limit", "20")), int(query.get("cursor", "0"))
    except ValueError:
        return _answer(400, {"message": "limit and cursor are numbers"})
    if not 1 <= limit <= 100:
        return _answer(400, {"message": "limit is 1 to 100"})
    rows = _run(PAGE, cursor=cursor, fetch=limit + 1)
    has_more = len(rows) > limit
    data = [_product(row) for row in rows[:limit]]
    next_cursor = str(data[-1]["id"]) if has_more else None
    return _answer(
        200,
        {
            "data": data,
            "pagination": {"limit": limit, "has_more": has_more, "next_cursor": next_cursor},
        },
    )


def _add(sent: dict[str, Any]) -> dict[str, Any]:
    rows = _run(ADD, **{"description": None, "inventory": 0} | sent)
    return (
        _answer(201, _product(rows[0])) if rows else _answer(422, {"message": "no such category"})
    )


def _order(sent: dict[str, Any]) -> dict[str, Any]:
    """Place the order in one transaction: first reduce the stock, ordered by product id."""
    lines = []
    _run("BEGIN")
    try:
        for item in sorted(sent["items"], key=lambda item: item["product_id"]):
            taken = _run(TAKE, product=item["product_id"], quantity=item["quantity"])
            if not taken:
                _run("ROLLBACK")
                return _answer(409, {"message": "out of stock"})
            lines.append((item["product_id"], item["quantity"], taken[0][0]))
        products, quantities, prices = (list(column) for column in zip(*lines, strict=True))
        total = sum(quantity * price for _, quantity, price in lines)
        values = {"user": sent["user_id"], "total": total}
        row = _run(ORDER, **values, products=products, quantities=quantities, prices=prices)[0]
        _run("COMMIT")
    except DatabaseError:
        _run("ROLLBACK")
        raise
    id, user_id, status, total, created_at, updated_at, version = row
    items = [{"product_id": id, "quantity": n, "unit_price": str(price)} for id, n, price in lines]
    placed = {"id": id, "user_id": user_id, "status": status, "items": items, "total": str(total)}
    return _answer(
        201,
        placed
        | {"created_at": _utc(created_at), "updated_at": _utc(updated_at), "version": version},
    )


def _product(row: list[Any]) -> dict[str, Any]:
    id, name, description, price, category, inventory, created_at, updated_at, version = row
    return {
        "id": id,
        "name": name,
        "description": description,
        "price": str(price),
        "category": category,
        "inventory": inventory,
        "created_at": _utc(created_at),
        "updated_at": _utc(updated_at),
        "version": version,
    }


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _answer(status: int, body: object) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }


def _run(sql: str, **params: object) -> list[list[Any]]:
    global _connection
    if _connection is None:
        _connection = _connect()
    try:
        return _connection.run(sql, **params)
    except InterfaceError:
        _connection = _connect()
        return _connection.run(sql, **params)


def _connect() -> Any:
    url = urlsplit(os.environ["DATABASE_URL"])  # noqa: TID251 - a peer has its own environment
    return Connection(
        url.username,
        password=url.password,
        host=url.hostname,
        port=url.port,
        database=url.path.strip("/"),
        ssl_context=False,
    )
