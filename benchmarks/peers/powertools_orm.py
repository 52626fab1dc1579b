"""The peer on AWS's own toolkit: Powertools' resolver with validation, SQLAlchemy's ORM over pg8000.

Chosen: stock pg8000 through stock SQLAlchemy, one session for each request, a pool of one with pre-ping; no tracing,
no logger and no metrics, which the other contenders do without too; TLS off.
"""
# mypy: disable-error-code="import-not-found, misc"

import os
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Query
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from benchmarks.peers.models import ProductOut, ProductPage, one_product, page_of, products_after

engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+pg8000://"),  # noqa: TID251 - a peer's own
    connect_args={"ssl_context": False},
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


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
