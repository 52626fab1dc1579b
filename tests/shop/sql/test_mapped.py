"""SQLAlchemy's classes that are made from declarations."""

import warnings

import pytest
from sqlalchemy import select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, configure_mappers, selectinload

from shop.orders import ORDERS
from sluice import runtime
from sluice.db.mapped import Models
from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.resource import Resource
from tests.fixtures.shop import Shop


def test_related_rows_are_loaded_only_if_the_query_says_so(shop: Shop) -> None:
    placed = shop.add_order(shop.add_user(), (shop.add_product("Mug", stock=5), 2))
    with runtime.current().unit_of_work() as work:
        order = work.model(ORDERS)
        found = work.session.scalars(select(order).where(order.id == placed)).one()
        with pytest.raises(InvalidRequestError, match="lazy='raise'"):
            found.items  # noqa: B018
        query = select(order).options(selectinload(order.items))
        work.session.expire_all()
        (again,) = work.session.scalars(query).all()
        assert [item.quantity for item in again.items] == [2]


def test_rows_reference_rows_of_their_own_table() -> None:
    people = Resource(
        name="people",
        singular="person",
        table="public.people",
        group="",
        key=BigInt("id", read_only=True),
        fields=[
            Ref("manager_id", resource="people", nullable=True),
            Ref("owner", resource="people", expand=False),
            Text("metadata"),
        ],
    )
    base = type("OtherBase", (DeclarativeBase,), {})
    person = Models(base, {"people": people}.__getitem__).of(people)

    with warnings.catch_warnings(action="error"):
        configure_mappers()

    assert person.manager.property.direction.name == "MANYTOONE"
    assert person.owner.property.columns[0].name == "owner"  # a column before a relationship
    assert person.metadata_.property.columns[0].name == "metadata"
