"""The usual GraphQL peer: Strawberry on FastAPI and Mangum, SQLAlchemy's ORM over psycopg 3, a
DataLoader.

It follows Strawberry's documentation: a context per request, with a DataLoader that reads the
categories of a page at once; the stock is joined. The ORM's calls block in their resolvers. An
environment serves one request at a time, and SQLAlchemy's asyncio extension was slower.
"""
# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

import os
from collections.abc import Iterator
from typing import Any

import strawberry
from fastapi import Depends, FastAPI
from mangum import Mangum
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, joinedload
from strawberry.dataloader import DataLoader
from strawberry.fastapi import GraphQLRouter

from benchmarks.peers import models

ca_file = os.environ.get("DATABASE_CA")  # noqa: TID251
verified = {"sslmode": "verify-full", "sslrootcert": ca_file}
engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"),  # noqa: TID251 - a peer's own
    connect_args=verified if ca_file else {"sslmode": "disable"},
    pool_pre_ping=True,
    pool_size=1,
)


@strawberry.type
class Category:
    name: str


@strawberry.type
class Product:
    id: strawberry.ID
    name: str
    price: str
    inventory: int
    category_id: strawberry.Private[int]

    @strawberry.field
    async def category(self, info: strawberry.Info) -> Category:
        return await info.context["categories"].load(self.category_id)


@strawberry.type
class ProductEdge:
    node: Product


@strawberry.type
class ProductConnection:
    edges: list[ProductEdge]


@strawberry.type
class Query:
    @strawberry.field
    def products(self, info: strawberry.Info, first: int = 10) -> ProductConnection:
        query = select(models.Product).options(joinedload(models.Product.stock, innerjoin=True))
        rows = info.context["session"].scalars(query.order_by(models.Product.id).limit(first))
        return ProductConnection(edges=[ProductEdge(node=_product(row)) for row in rows])


def _product(row: models.Product) -> Product:
    return Product(
        id=strawberry.ID(str(row.id)),
        name=row.name,
        price=str(row.price),
        inventory=row.stock.quantity,
        category_id=row.category_id,
    )


def open_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def context(session: Session = Depends(open_session)) -> dict[str, Any]:  # noqa: B008 - as FastAPI has it
    async def categories(ids: list[int]) -> list[Category]:
        found = {
            c.id: c
            for c in session.scalars(select(models.Category).where(models.Category.id.in_(ids)))
        }
        return [Category(name=found[id].name) for id in ids]

    return {"session": session, "categories": DataLoader(load_fn=categories)}


app = FastAPI()
app.include_router(
    GraphQLRouter(strawberry.Schema(Query), context_getter=context), prefix="/api/graphql"
)
handler = Mangum(app, lifespan="off")
