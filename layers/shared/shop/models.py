"""Models of the shop's tables for SQLAlchemy's ORM, for use cases that change objects."""

from decimal import Decimal
from typing import Annotated

from sqlalchemy import BigInteger, FetchedValue, ForeignKey, Integer, Numeric
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sluice.db.models import Base, Id, Versioned, WithCreatedAt

Money = Annotated[Decimal, mapped_column(Numeric(12, 2))]


class Category(WithCreatedAt, Versioned, Base):
    __tablename__ = "categories"
    id: Mapped[Id]
    name: Mapped[str]
    slug: Mapped[str]


class Product(WithCreatedAt, Versioned, Base):
    __tablename__ = "products"
    id: Mapped[Id]
    name: Mapped[str]
    description: Mapped[str | None]
    price: Mapped[Money]
    category_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("categories.id"))
    category: Mapped[Category] = relationship(lazy="raise")


class Inventory(Versioned, Base):
    __tablename__ = "inventory"
    product_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("products.id"), primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer, server_default=FetchedValue())


class User(WithCreatedAt, Versioned, Base):
    __tablename__ = "users"
    id: Mapped[Id]
    email: Mapped[str]
    name: Mapped[str]


class OrderItem(Base):
    __tablename__ = "order_items"
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("products.id"), primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)
    unit_price: Mapped[Money]


class Order(WithCreatedAt, Versioned, Base):
    __tablename__ = "orders"
    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id"))
    status: Mapped[str] = mapped_column(server_default=FetchedValue())
    total: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    items: Mapped[list[OrderItem]] = relationship(lazy="raise", order_by=OrderItem.product_id)
