"""What changes together: several calls of repositories, or of SQLAlchemy's session, in one transaction.

    with runtime.current().unit_of_work() as work:
        product = work.products.create({...})
        work.inventory.adjust(product.id, 5)
        work.commit()

Leaving without `commit`, by an error or not, undoes everything. A single call of a repository needs none of this: each
is one statement and so a transaction of its own, whose BEGIN and COMMIT cost no round trip.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sluice.db.database import Transaction
    from sluice.repositories.categories import CategoryRepository
    from sluice.repositories.idempotency import AnswerRepository
    from sluice.repositories.import_jobs import ImportJobRepository
    from sluice.repositories.inventory import InventoryRepository
    from sluice.repositories.orders import OrderRepository
    from sluice.repositories.page_cursor import CursorSigner
    from sluice.repositories.products import ProductRepository
    from sluice.repositories.projection import Executor
    from sluice.repositories.users import UserRepository


class Repositories:
    """The shop, over the statements of a database, each kept as it returns, or of one transaction.

    `catalogue` are those of categories, products and stock, where they are others. Each repository is imported when it
    is first asked for: most functions need one of them.
    """

    def __init__(
        self, statements: Executor, signer: CursorSigner, replica_reads: Executor | None = None
    ) -> None:
        self._statements = statements
        self._replica_reads = replica_reads or statements
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

        return UserRepository(self._statements, self._signer)

    @cached_property
    def orders(self) -> OrderRepository:
        from sluice.repositories.orders import OrderRepository

        return OrderRepository(self._statements, self._signer)

    @cached_property
    def imports(self) -> ImportJobRepository:
        from sluice.repositories.import_jobs import ImportJobRepository

        return ImportJobRepository(self._statements, self._signer)

    @cached_property
    def idempotency(self) -> AnswerRepository:
        from sluice.repositories.idempotency import AnswerRepository

        return AnswerRepository(self._statements)


class UnitOfWork(Repositories):
    """One transaction's repositories. Made by `Runtime.unit_of_work`, and good until its `with` ends or it commits."""

    def __init__(self, transaction: Transaction, signer: CursorSigner) -> None:
        super().__init__(transaction, signer)
        self._transaction = transaction

    @property
    def session(self) -> Session:
        """SQLAlchemy's own unit of work over db/models.py: `new`, `dirty` and `deleted` are what it will write.

        It is written before each statement of a repository, and at `commit`.
        """
        return self._transaction.session

    def commit(self) -> None:
        """Keep everything, and end. Raises SluiceErrors: StaleVersion for an object that somebody else has changed."""
        self._transaction.commit()
