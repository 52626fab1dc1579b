"""Units of work: one transaction over several repositories and SQLAlchemy's session."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select

from local.postgres import PostgresServer
from shop import ordering
from shop.categories import CATEGORIES, CategoryRepository
from shop.errors import OutOfStock
from shop.inventory import INVENTORY, InventoryRepository
from shop.products import PRODUCTS, ProductRepository
from shop.users import USERS, UserRepository
from sluice import application, runtime
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.db.mapped import models
from sluice.db.pools import make_pool
from sluice.errors import Duplicate, RolledBack, StaleVersion
from sluice.runtime import Runtime
from sluice.settings import DatabaseSettings
from sluice.unit_of_work import UnitOfWork
from tests.fixtures.shop import Shop

MUG = {"name": "Mug", "price": 5, "category": "mugs"}


@pytest.fixture(params=[None, "for this test"], ids=["pipelined", "stock driver"])
def build(request: pytest.FixtureRequest, shop: Shop) -> Iterator[Callable[..., Runtime]]:
    """Return what builds a runtime that uses Sluice's connection, or pg8000's."""
    settings = runtime.current().settings
    made: list[Database] = []

    def build(**hooks: Any) -> Runtime:
        options = {"names": runtime.error_names, "unsupported_reason": lambda: request.param}
        made.append(Database(make_pool(settings.database, "function", **options, **hooks)))
        return Runtime(settings, made[-1])

    yield build
    for database in made:
        database.dispose()


@pytest.fixture
def built(build: Callable[..., Runtime]) -> Runtime:
    return build()


def names(shop: Shop) -> list[str]:
    return [name for (name,) in shop.sql("SELECT name FROM products ORDER BY id")]


def test_commit_keeps_all_changes(shop: Shop, built: Runtime) -> None:
    with built.unit_of_work() as work:
        work.get(CategoryRepository).create({"name": "Mugs"})
        mug = work.get(ProductRepository).create(MUG)
        work.get(InventoryRepository).adjust(int(mug.id), 5)
        assert names(shop) == []  # not committed yet
        work.commit()

    assert names(shop) == ["Mug"]
    assert shop.get(f"/api/inventory/{mug.id}").json["quantity"] == 5


def test_changes_without_commit_are_rolled_back(shop: Shop, built: Runtime) -> None:
    shop.add_category("mugs")
    with built.unit_of_work() as work:
        work.get(ProductRepository).create(MUG)

    assert names(shop) == []


@pytest.mark.parametrize("failure", ["server error", "repository error", "other error"])
def test_any_error_rolls_back_all_changes(shop: Shop, built: Runtime, failure: str) -> None:
    shop.add_product("Cup", stock=1)

    def fail(work: UnitOfWork) -> None:
        mug = work.get(ProductRepository).create(MUG)
        if failure == "server error":
            work.get(ProductRepository).create(MUG)
        if failure == "repository error":
            work.get(InventoryRepository).adjust(int(mug.id), -1)
        raise ZeroDivisionError

    with pytest.raises((Duplicate, OutOfStock, ZeroDivisionError)):
        built.run_in_transaction(fail)

    assert names(shop) == ["Cup"]
    assert built.get(ProductRepository).create(MUG).id  # the connection can still be used


def test_order_is_part_of_a_unit_of_work(shop: Shop, built: Runtime) -> None:
    user, mug = shop.add_user(), shop.add_product("Mug", stock=5)
    with built.unit_of_work() as work:
        order = ordering.place_order(work, user, [(mug, 3)])
        ordering.change_status(work, int(order.id), "paid")
        with pytest.raises(OutOfStock):
            ordering.place_order(work, user, [(mug, 3)])
    assert shop.sql("SELECT quantity FROM inventory") == [[5]]

    def twice(work: UnitOfWork) -> str:
        ordering.place_order(work, user, [(mug, 1)])
        return ordering.place_order(work, user, [(mug, 1)]).id

    assert shop.get(f"/api/orders/{built.run_in_transaction(twice)}").status == 200
    assert shop.sql("SELECT quantity FROM inventory") == [[3]]


def test_committed_unit_of_work_rejects_statements(shop: Shop, built: Runtime) -> None:
    with built.unit_of_work() as work:
        work.commit()
        with pytest.raises(RuntimeError, match="ended"):
            work.get(CategoryRepository).create({"name": "Mugs"})


def test_session_tracks_new_dirty_and_deleted(shop: Shop, built: Runtime) -> None:
    ada, bob = shop.add_user(), shop.add_user("bob@example.com")
    with built.unit_of_work() as work:
        user = work.model(USERS)
        eve = user(email="eve@example.com", name="Eve")
        renamed = work.session.get_one(user, ada)
        leaving = work.session.get_one(user, bob)
        work.session.add(eve)
        renamed.name = "Ada Byron"
        work.session.delete(leaving)
        session = work.session
        assert (list(session.new), list(session.dirty), list(session.deleted)) == (
            [eve],
            [renamed],
            [leaving],
        )
        # The session is flushed before the statement of a repository.
        assert work.get(UserRepository).get_by_id((ada,)).json.count("Ada Byron") == 1
        assert (renamed.version, eve.version, list(work.session.new)) == (2, 1, [])
        work.commit()

    assert shop.sql("SELECT name FROM users ORDER BY id") == [["Ada Byron"], ["Eve"]]


def test_session_writes_only_at_commit(shop: Shop, built: Runtime) -> None:
    id = shop.add_user()
    for commits, name in ((False, "Ada"), (True, "Ada Byron")):
        with built.unit_of_work() as work:
            work.session.get_one(work.model(USERS), id).name = "Ada Byron"
            if commits:
                work.commit()
        assert shop.sql("SELECT name FROM users") == [[name]]


def test_object_changed_elsewhere_is_stale(shop: Shop, built: Runtime) -> None:
    id = shop.add_user()
    with built.unit_of_work() as work:
        user = work.session.get_one(work.model(USERS), id)
        shop.sql("UPDATE users SET name = 'Augusta'")
        user.name = "Ada Byron"
        with pytest.raises(StaleVersion):
            work.commit()

    assert shop.sql("SELECT name FROM users") == [["Augusta"]]


def test_session_raises_sluice_errors(shop: Shop, built: Runtime) -> None:
    shop.add_user("ada@example.com")
    with pytest.raises(Duplicate) as error:
        built.run_in_transaction(
            lambda work: work.session.add(work.model(USERS)(email="ADA@example.com", name="Ada"))
        )

    assert [field.pointer for field in error.value.errors] == ["/email"]


def test_related_objects_are_written_in_order(shop: Shop, built: Runtime) -> None:
    with built.unit_of_work() as work:
        stock = work.model(INVENTORY)
        mugs = work.model(CATEGORIES)(name="Mugs", slug="mugs")
        mug = work.model(PRODUCTS)(name="Mug", price=5, category=mugs)
        work.session.add(mug)
        work.session.flush()
        row = work.session.scalars(select(stock).where(stock.product_id == mug.id)).one()
        row.quantity = 7
        work.commit()

    assert shop.get("/api/products").json["data"][0]["inventory"] == 7


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_serialization_failure_retries_the_whole_unit(
    shop: Shop, build: Callable[..., Runtime], isolation: str
) -> None:
    mug = shop.add_product("Mug", stock=10)

    def isolate(connection: Any) -> None:
        connection.cursor().execute(f"SET default_transaction_isolation = '{isolation}'")
        connection.commit()

    attempts: list[UnitOfWork] = []

    def take_one(work: UnitOfWork) -> None:
        attempts.append(work)
        work.get(InventoryRepository).get_by_id((mug,))  # starts the snapshot of this transaction
        if len(attempts) < 3:
            shop.sql("UPDATE inventory SET quantity = quantity - 1")  # a concurrent change
        work.get(InventoryRepository).adjust(mug, -1)

    build(on_connect=isolate).run_in_transaction(take_one)

    assert len(attempts) == 3
    assert shop.sql("SELECT quantity FROM inventory") == [[7]]


def test_retries_are_limited(built: Runtime) -> None:
    attempts: list[UnitOfWork] = []

    def lose(work: UnitOfWork) -> None:
        attempts.append(work)
        raise RolledBack

    with pytest.raises(RolledBack):
        built.run_in_transaction(lose)

    assert len(attempts) == 4


def test_models_match_the_migrations(
    postgres_server: PostgresServer, migrated_database: str
) -> None:
    """Compare tables, columns, types and NULL. The models have no indexes and checks."""
    metadata = models().all_of(application.current().declarations())
    engine: Engine = make_engine(
        DatabaseSettings.from_url(postgres_server.url(database=migrated_database)), "batch"
    )

    unmapped = ("version", "shop_version", "grants", "drift")  # tables of the migrations

    def compared(item: Any, name: str | None, kind: str, reflected: bool, against: Any) -> bool:
        return kind in ("table", "column") and name not in unmapped

    opts = {"include_object": compared, "compare_type": True, "include_schemas": True}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=opts)
        differences = compare_metadata(context, metadata)
    foreign_keys = ("add_fk", "remove_fk")
    assert [difference for difference in differences if difference[0] not in foreign_keys] == []
