"""Place orders in the same tables by other means. Each function opens a connection and returns
`place`.

`place(user, items)` returns the order's id. All of them reduce the stock by a conditional UPDATE,
ordered by product id. Under the row's lock, it needs one statement less than SELECT … FOR UPDATE.
They return less than Sluice, which returns the order's whole JSON. The pipeline cannot name the
product that is out of stock, because it has sent all statements before it reads a result.
"""
# mypy: disable-error-code="import-not-found, misc"

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import psycopg
from sqlalchemy import ForeignKey, create_engine, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

Items: TypeAlias = Sequence[tuple[int, int]]
Place: TypeAlias = Callable[[int, Items], int]


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[Decimal]


class Inventory(Base):
    __tablename__ = "inventory"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    quantity: Mapped[int]


class OrderItem(Base):
    __tablename__ = "order_items"
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    total: Mapped[Decimal]
    items: Mapped[list[OrderItem]] = relationship()


def orm_over_pg8000(url: str) -> Place:
    return _orm(url.replace("postgresql://", "postgresql+pg8000://"), {"ssl_context": False})


def orm_over_psycopg(url: str) -> Place:
    return _orm(url.replace("postgresql://", "postgresql+psycopg://"), {"sslmode": "disable"})


def _orm(url: str, connect_args: dict[str, Any]) -> Place:
    """Follow the tutorials: a session per order; read the products, reduce the stock, insert,
    commit.
    """
    engine = create_engine(url, connect_args=connect_args, pool_pre_ping=True, pool_size=1)

    def place(user_id: int, items: Items) -> int:
        wanted = dict(sorted(items))
        with Session(engine, expire_on_commit=False) as session:
            user = session.get_one(User, user_id)
            prices = {
                p.id: p.price
                for p in session.scalars(select(Product).where(Product.id.in_(wanted)))
            }
            for product_id, quantity in wanted.items():
                stock = update(Inventory).where(
                    Inventory.product_id == product_id, Inventory.quantity >= quantity
                )
                taken = session.execute(stock.values(quantity=Inventory.quantity - quantity))
                if taken.rowcount == 0:  # type: ignore[attr-defined]
                    raise RuntimeError("out of stock")
            lines = [
                OrderItem(product_id=id, quantity=n, unit_price=prices[id])
                for id, n in wanted.items()
            ]
            order = Order(
                user_id=user.id, total=sum(n * prices[id] for id, n in wanted.items()), items=lines
            )
            session.add(order)
            session.commit()
            return order.id

    return place


TAKE = """
    UPDATE inventory i SET quantity = i.quantity - %(quantity)s FROM products p
    WHERE i.product_id = %(product)s AND p.id = i.product_id AND i.quantity >= %(quantity)s
    RETURNING p.price
"""


def psycopg_by_hand(url: str) -> Place:
    """Use one transaction with the fewest statements; psycopg prepares them on the server."""
    connection = psycopg.connect(url, sslmode="disable", autocommit=True)

    def place(user_id: int, items: Items) -> int:
        with connection.transaction():
            lines = []
            for product, quantity in sorted(items):
                taken = connection.execute(
                    TAKE, {"product": product, "quantity": quantity}
                ).fetchone()
                if taken is None:
                    raise RuntimeError("out of stock")
                lines.append((product, quantity, taken[0]))
            total = sum(quantity * price for _, quantity, price in lines)
            placed = connection.execute(
                "INSERT INTO orders (user_id, total) VALUES (%s, %s) RETURNING id", (user_id, total)
            ).fetchone()
            assert placed is not None
            id: int = placed[0]
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO order_items VALUES (%s, %s, %s, %s)",
                    [(id, *line) for line in lines],
                )
            return id

    return place


WRITE = """
    WITH wanted AS (
        SELECT p.id, w.quantity, p.price
        FROM unnest(%s::bigint[], %s::bigint[]) AS w(id, quantity) JOIN products p ON p.id = w.id
    ), o AS (
        INSERT INTO orders (user_id, total)
        SELECT %s, sum(quantity * price) FROM wanted RETURNING id
    ), lines AS (
        INSERT INTO order_items SELECT o.id, wanted.id, wanted.quantity, wanted.price FROM o, wanted
    )
    SELECT id FROM o
"""


def psycopg_pipeline(url: str) -> Place:
    """Send all statements at once. The stock is updated last, so that its lock is held briefly."""
    connection = psycopg.connect(url, sslmode="disable", autocommit=True)

    def place(user_id: int, items: Items) -> int:
        products, quantities = zip(*sorted(items), strict=True)
        with connection.pipeline():
            connection.execute("BEGIN")
            written = connection.execute(WRITE, (list(products), list(quantities), user_id))
            for product, quantity in zip(products, quantities, strict=True):
                connection.execute(
                    "UPDATE inventory SET quantity = quantity - %s WHERE product_id = %s",
                    (quantity, product),
                )
            connection.execute("COMMIT")
        row = written.fetchone()
        assert row is not None
        id: int = row[0]
        return id

    return place
