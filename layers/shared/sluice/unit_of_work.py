"""Run several repository calls, or SQLAlchemy's session, in one transaction.

    with runtime.current().unit_of_work() as work:
        product = work.products.create({...})
        work.inventory.adjust(product.id, 5)
        work.commit()

Without `commit`, everything is rolled back. A single repository call does not need a unit of work.
It is one statement, and PostgreSQL runs it as a transaction without BEGIN and COMMIT.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sluice.db.database import Transaction
    from sluice.repositories.categories import CategoryRepository
    from sluice.repositories.idempotency import IdempotencyKeyRepository
    from sluice.repositories.import_jobs import ImportJobRepository
    from sluice.repositories.inventory import InventoryRepository
    from sluice.repositories.orders import OrderRepository
    from sluice.repositories.page_cursor import CursorSigner
    from sluice.repositories.products import ProductRepository
    from sluice.repositories.projection import Executor
    from sluice.repositories.users import UserRepository


class Repositories:
    """The repositories of the shop, over a database or over one transaction.

    Categories, products and inventory use `replica_reads` if it is set.
    Each repository is imported on first use: most functions need only one.
    """

    def __init__(
        self, executor: Executor, signer: CursorSigner, replica_reads: Executor | None = None
    ) -> None:
        self._executor = executor
        self._replica_reads = replica_reads or executor
        self._signer = signer

    @cached_property
    def categories(self) -> CategoryRepository:
        from sluice.repositories.categories import CategoryRepository

        return CategoryRepository(self._replica_reads, self._signer)

    @cached_property
    def products(self) -> ProductRepository:
        from sluice.repositories.products import ProductRepository

        return ProductRepository(self._replica_reads, self._signer)

    @cached_property
    def inventory(self) -> InventoryRepository:
        from sluice.repositories.inventory import InventoryRepository

        return InventoryRepository(self._replica_reads, self._signer)

    @cached_property
    def users(self) -> UserRepository:
        from sluice.repositories.users import UserRepository

        return UserRepository(self._executor, self._signer)

    @cached_property
    def orders(self) -> OrderRepository:
        from sluice.repositories.orders import OrderRepository

        return OrderRepository(self._executor, self._signer)

    @cached_property
    def imports(self) -> ImportJobRepository:
        from sluice.repositories.import_jobs import ImportJobRepository

        return ImportJobRepository(self._executor, self._signer)

    @cached_property
    def idempotency(self) -> IdempotencyKeyRepository:
        from sluice.repositories.idempotency import IdempotencyKeyRepository

        return IdempotencyKeyRepository(self._executor)


class UnitOfWork(Repositories):
    """The repositories of one transaction, from `Runtime.unit_of_work`.

    It ends with its `with` block, or when it is committed.
    """

    def __init__(self, transaction: Transaction, signer: CursorSigner) -> None:
        super().__init__(transaction, signer)
        self._transaction = transaction

    @property
    def session(self) -> Session:
        """SQLAlchemy's session over db/models.py, in the same transaction.

        Changed objects are written before each statement of a repository, and at `commit`.
        """
        return self._transaction.session

    def commit(self) -> None:
        """Commit and end the transaction.

        Raise SluiceErrors. One is StaleVersion: another transaction changed an object of `session`.
        """
        self._transaction.commit()
