"""The usual peer: FastAPI behind Mangum, SQLAlchemy's ORM over psycopg 3 (C), pydantic response
models.

It follows FastAPI's documentation: plain `def` routes, because SQLAlchemy blocks, and a session per
request from a dependency. A pool of one with pre-ping, as is usual on Lambda; lifespan off. TLS
if `DATABASE_CA` has the authority. Blocking `async def` routes, without the thread pool, were
equally fast within the noise.
"""
# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

import os
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query
from mangum import Mangum
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from benchmarks.peers.models import (
    Order,
    OrderIn,
    OrderOut,
    Product,
    ProductIn,
    ProductOut,
    ProductPage,
    add_product,
    one_product,
    page_of,
    place_order,
    products_after,
)

ca_file = os.environ.get("DATABASE_CA")  # noqa: TID251
verified = {"sslmode": "verify-full", "sslrootcert": ca_file}
engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"),  # noqa: TID251 - a peer's own
    connect_args=verified if ca_file else {"sslmode": "disable"},
    pool_pre_ping=True,
    pool_size=1,
)
app = FastAPI()


def open_session() -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        yield session


Database = Annotated[Session, Depends(open_session)]


@app.get("/api/products", response_model=ProductPage)
def list_products(
    session: Database,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[int, Query(ge=0)] = 0,
) -> ProductPage:
    return page_of(session.scalars(products_after(cursor, limit)).all(), limit)


@app.get("/api/products/{product_id}", response_model=ProductOut)
def get_product(session: Database, product_id: int) -> Product:
    product = session.scalars(one_product(product_id)).one_or_none()
    if product is None:
        raise HTTPException(404)
    return product


@app.post("/api/products", response_model=ProductOut, status_code=201)
def create_product(session: Database, product: ProductIn) -> Product:
    added = add_product(session, product)
    if added is None:
        raise HTTPException(422)
    return added


@app.post("/api/orders", response_model=OrderOut, status_code=201)
def create_order(session: Database, order: OrderIn) -> Order:
    placed = place_order(session, order)
    if placed is None:
        raise HTTPException(409)
    return placed


handler = Mangum(app, lifespan="off")
