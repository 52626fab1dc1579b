"""What changes together: several calls of repositories, or of SQLAlchemy's session, in one transaction.

    with runtime.current().unit_of_work() as work:
        product = work.products.create({...})
        work.inventory.adjust(product.id, 5)
        work.commit()

Leaving without `commit`, by an error or not, undoes everything. A single call of a repository needs none of this: each
is one statement and so a transaction of its own, whose BEGIN and COMMIT cost no round trip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.repositories.answers import AnswerRepository
from sluice.repositories.categories import CategoryRepository
from sluice.repositories.import_jobs import ImportJobRepository
from sluice.repositories.inventory import InventoryRepository
from sluice.repositories.orders import OrderRepository
from sluice.repositories.products import ProductRepository
from sluice.repositories.users import UserRepository

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sluice.db.database import Transaction
    from sluice.repositories.cursor import CursorSigner
    from sluice.repositories.view import Statements


class Repositories:
    """The shop, over the statements of a database, each kept as it returns, or of one transaction.

    `catalogue` are those of categories, products and stock, where they are others.
    """

    def __init__(self, statements: Statements, signer: CursorSigner, catalogue: Statements | None = None) -> None:
        catalogue = catalogue or statements
        self.categories = CategoryRepository(catalogue, signer)
        self.products = ProductRepository(catalogue, signer)
        self.inventory = InventoryRepository(catalogue, signer)
        self.users = UserRepository(statements, signer)
        self.orders = OrderRepository(statements, signer)
        self.imports = ImportJobRepository(statements, signer)
        self.answers = AnswerRepository(statements)


class UnitOfWork(Repositories):
    """One transaction's repositories. Made by `Runtime.unit_of_work`, and good until its `with` ends or it commits."""

    def __init__(self, transaction: Transaction, signer: CursorSigner) -> None:
        super().__init__(transaction, signer)
        self._transaction = transaction

    @property
    def session(self) -> Session:
        """SQLAlchemy's own unit of work over db/tables.py: `new`, `dirty` and `deleted` are what it will write.

        It is written before each statement of a repository, and at `commit`.
        """
        return self._transaction.session

    def commit(self) -> None:
        """Keep everything, and end. Raises SluiceErrors: StaleVersion for an object that somebody else has changed."""
        self._transaction.commit()
