"""The peer on AWS's toolkit: Powertools' resolver with validation, SQLAlchemy's ORM over pg8000.

It uses unmodified pg8000 and SQLAlchemy, a session per request, and a pool of one with pre-ping.
Like the other contenders it has no tracing, logger or metrics. TLS if
`DATABASE_CA` has the authority.
"""
# mypy: disable-error-code="import-not-found, misc"

import os
import ssl
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Query
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from benchmarks.peers.models import (
    OrderIn,
    OrderOut,
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
verified = ssl.create_default_context(cafile=ca_file) if ca_file else False
engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+pg8000://"),  # noqa: TID251 - a peer's own
    connect_args={"ssl_context": verified},
    pool_pre_ping=True,
    pool_size=1,
)
app = APIGatewayHttpResolver(enable_validation=True)


@app.get("/api/products")
def list_products(
    limit: Annotated[int, Query(ge=1, le=100)] = 20, cursor: Annotated[int, Query(ge=0)] = 0
) -> ProductPage:
    with Session(engine) as session:
        return page_of(session.scalars(products_after(cursor, limit)).all(), limit)


@app.get("/api/products/<product_id>")
def get_product(product_id: int) -> ProductOut:
    with Session(engine) as session:
        product = session.scalars(one_product(product_id)).one_or_none()
        if product is None:
            raise NotFoundError
        return ProductOut.model_validate(product)


@app.post("/api/products")
def create_product(product: ProductIn) -> tuple[ProductOut, int]:
    with Session(engine, expire_on_commit=False) as session:
        added = add_product(session, product)
        if added is None:
            raise BadRequestError("no such category")
        return ProductOut.model_validate(added), 201


@app.post("/api/orders")
def create_order(order: OrderIn) -> tuple[OrderOut, int]:
    with Session(engine, expire_on_commit=False) as session:
        placed = place_order(session, order)
        if placed is None:
            raise BadRequestError("out of stock")
        return OrderOut.model_validate(placed), 201


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
