"""What the two ORM peers share: the shop as SQLAlchemy mapped classes, and its JSON as pydantic models.

As the tutorials of SQLAlchemy 2, FastAPI and Powertools write it, and competently: category and stock come in the
product's own SELECT, so no list pays a query for each row.
"""
# mypy: disable-error-code="import-not-found, misc"

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import AliasPath, BaseModel, ConfigDict, Field
from sqlalchemy import ForeignKey, Select, select
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship


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
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int]

    category: Mapped[Category] = relationship(lazy="raise")
    stock: Mapped[Inventory] = relationship(lazy="raise")


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
    """`rows` may hold one more than the page: then there is a next one."""
    has_more = len(rows) > limit
    data = [ProductOut.model_validate(row) for row in rows[:limit]]
    next_cursor = str(data[-1].id) if has_more else None
    return ProductPage.model_construct(
        data=data, pagination=Pagination(limit=limit, has_more=has_more, next_cursor=next_cursor)
    )


def _products() -> Select[Product]:
    return select(Product).options(
        joinedload(Product.category, innerjoin=True), joinedload(Product.stock, innerjoin=True)
    )
