"""The parts that the ORM peers share: SQLAlchemy models, pydantic models, and their queries.

They follow the tutorials of SQLAlchemy 2, FastAPI and Powertools. Category and stock are joined to
the product's SELECT, so that a list needs no query per row.
"""
# mypy: disable-error-code="import-not-found, misc"

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AliasPath, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import FetchedValue, ForeignKey, Select, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Category(Base):
    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    slug: Mapped[str]


class Inventory(Base):
    __tablename__ = "inventory"

    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    quantity: Mapped[int]


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str | None]
    price: Mapped[Decimal]
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    version: Mapped[int] = mapped_column(server_default=FetchedValue())

    category: Mapped[Category] = relationship(lazy="raise")
    stock: Mapped[Inventory] = relationship(lazy="raise")


class OrderItem(Base):
    __tablename__ = "order_items"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int]
    status: Mapped[str] = mapped_column(server_default=FetchedValue())
    total: Mapped[Decimal]
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    version: Mapped[int] = mapped_column(server_default=FetchedValue())

    items: Mapped[list[OrderItem]] = relationship()


class ProductIn(BaseModel):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: str | None = None
    price: Annotated[Decimal, Field(ge=0, decimal_places=2)]
    category: str
    inventory: Annotated[int, Field(ge=0)] = 0


class ItemIn(BaseModel):
    product_id: int
    quantity: Annotated[int, Field(gt=0)]


class OrderIn(BaseModel):
    user_id: int
    items: Annotated[list[ItemIn], Field(min_length=1)]


class ItemOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    product_id: int
    quantity: int
    unit_price: Decimal


class OrderOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    user_id: int
    status: str
    items: list[ItemOut]
    total: Decimal
    created_at: datetime
    updated_at: datetime
    version: int


class ProductOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    description: str | None
    price: Decimal
    category: str = Field(validation_alias=AliasPath("category", "slug"))
    inventory: int = Field(validation_alias=AliasPath("stock", "quantity"))
    created_at: datetime
    updated_at: datetime
    version: int


class Pagination(BaseModel):
    limit: int
    has_more: bool
    next_cursor: str | None


class ProductPage(BaseModel):
    data: list[ProductOut]
    pagination: Pagination


def one_product(product_id: int) -> Select[Product]:
    return _products().where(Product.id == product_id)


def products_after(cursor: int, limit: int) -> Select[Product]:
    return _products().where(Product.id > cursor).order_by(Product.id).limit(limit + 1)


def page_of(rows: Sequence[Product], limit: int) -> ProductPage:
    """Return the page of `rows`, which have one row more than `limit` if a page follows."""
    has_more = len(rows) > limit
    data = [ProductOut.model_validate(row) for row in rows[:limit]]
    next_cursor = str(data[-1].id) if has_more else None
    return ProductPage.model_construct(
        data=data, pagination=Pagination(limit=limit, has_more=has_more, next_cursor=next_cursor)
    )


def add_product(session: Session, product: ProductIn) -> Product | None:
    """Insert a product. Return None if its category does not exist."""
    category = session.scalars(
        select(Category).where(Category.slug == product.category)
    ).one_or_none()
    if category is None:
        return None
    added = Product(**product.model_dump(exclude={"category", "inventory"}), category=category)
    session.add(added)
    session.flush()
    stock = session.get_one(Inventory, added.id)  # a trigger has inserted it
    stock.quantity = product.inventory
    added.stock = stock
    session.commit()
    return added


def place_order(session: Session, order: OrderIn) -> Order | None:
    """Place an order. Return None if the stock of a product is too low."""
    wanted = {
        item.product_id: item.quantity
        for item in sorted(order.items, key=lambda item: item.product_id)
    }
    prices = dict(
        session.execute(select(Product.id, Product.price).where(Product.id.in_(wanted)))
        .tuples()
        .all()
    )
    for product_id, quantity in wanted.items():
        stock = update(Inventory).where(
            Inventory.product_id == product_id, Inventory.quantity >= quantity
        )
        taken = session.execute(stock.values(quantity=Inventory.quantity - quantity))
        if taken.rowcount == 0:  # type: ignore[attr-defined]
            session.rollback()
            return None
    lines = [
        OrderItem(product_id=id, quantity=n, unit_price=prices[id]) for id, n in wanted.items()
    ]
    placed = Order(
        user_id=order.user_id, total=sum(n * prices[id] for id, n in wanted.items()), items=lines
    )
    session.add(placed)
    session.commit()
    return placed


def _products() -> Select[Product]:
    return select(Product).options(
        joinedload(Product.category, innerjoin=True), joinedload(Product.stock, innerjoin=True)
    )
