"""SQLAlchemy's classes that are made from declarations."""

import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, configure_mappers, selectinload

from local.postgres import PostgresServer
from sluice import runtime
from sluice.db.engine import make_engine
from sluice.db.mapped import Models
from sluice.errors import StaleVersion
from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.resource import Resource
from sluice.settings import DatabaseSettings
from tests.fixtures.shop import Shop
from tests.shop.drafts import BY_NAME, CATEGORIES, ORDERS, PRODUCTS, USERS


def made(find: Callable[[str], Resource]) -> Models:
    return Models(type("Base", (DeclarativeBase,), {}), find)


MODELS = made(BY_NAME.__getitem__)


def test_derived_tables_are_those_of_the_migrations(
    postgres_server: PostgresServer, migrated_database: str
) -> None:
    engine = make_engine(
        DatabaseSettings.from_url(postgres_server.url(database=migrated_database)), "batch"
    )
    metadata = made(BY_NAME.__getitem__).all_of(BY_NAME.values())

    def compared(item: Any, name: str | None, kind: str, reflected: bool, against: Any) -> bool:
        return kind in ("table", "column")  # neither indexes nor checks

    options = {"include_object": compared, "compare_type": True}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)
    foreign_keys = ("add_fk", "remove_fk")
    assert [difference for difference in differences if difference[0] not in foreign_keys] == []
    engine.dispose()


def test_objects_are_stored_with_what_the_database_sets(shop: Shop) -> None:
    category, product = MODELS.of(CATEGORIES), MODELS.of(PRODUCTS)
    with runtime.current().unit_of_work() as work:
        mugs = category(name="Mugs", slug="mugs")
        work.session.add(product(name="Mug", price=Decimal("5.00"), category=mugs))
        work.session.flush()
        assert mugs.version == 1
        mugs.name = "Cups"
        work.session.flush()
        assert mugs.version == 2
        work.commit()

    assert shop.sql("SELECT p.name, c.name FROM products p JOIN categories c ON c.id = category_id")


def test_changed_version_is_stale(shop: Shop) -> None:
    user = MODELS.of(USERS)
    shop.add_user("ada@example.com")
    with runtime.current().unit_of_work() as work:
        found = work.session.scalars(select(user)).one()
        shop.sql("UPDATE users SET name = 'Other'")
        found.name = "Eve"
        with pytest.raises(StaleVersion):
            work.commit()


def test_related_rows_are_loaded_only_if_the_query_says_so(shop: Shop) -> None:
    order = MODELS.of(ORDERS)
    placed = shop.add_order(shop.add_user(), (shop.add_product("Mug", stock=5), 2))
    with runtime.current().unit_of_work() as work:
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
            Ref("owner", resource="people"),
            Text("metadata"),
        ],
    )
    person = made({"people": people}.__getitem__).of(people)

    with warnings.catch_warnings(action="error"):
        configure_mappers()

    assert person.manager.property.direction.name == "MANYTOONE"
    assert person.owner.property.columns[0].name == "owner"  # a column before a relationship
    assert person.metadata_.property.columns[0].name == "metadata"
