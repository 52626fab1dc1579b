"""Run several repository calls, or SQLAlchemy's session, in one transaction.

    with runtime.current().unit_of_work() as work:
        person = work.get(PersonRepository).create({...})
        work.get(NoteRepository).create({"person_id": person.id, ...})
        work.commit()

Without `commit`, everything is rolled back. A single repository call does not need a unit of work.
It is one statement, and PostgreSQL runs it as a transaction without BEGIN and COMMIT.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sluice import application, tenants

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sluice.db.database import Transaction
    from sluice.imports.job_repository import ImportJobRepository
    from sluice.query import Executor
    from sluice.resource import Resource
    from sluice.sql.idempotency import IdempotencyKeyRepository
    from sluice.sql.page_cursor import CursorSigner
    from sluice.sql.repository import Repository


R = TypeVar("R", bound="Repository")


class Repositories:
    """The repositories of the application, over a database or over one transaction.

    A repository whose class says `reads_replica` uses `replica_reads`, if it is set.
    """

    def __init__(
        self, executor: Executor, signer: CursorSigner, replica_reads: Executor | None = None
    ) -> None:
        self._executor = executor
        self._replica_reads = replica_reads or executor
        self._signer = signer
        self._repositories: dict[type[Repository], Repository] = {}

    def get(self, kind: type[R]) -> R:
        """Return the repository of this class. It is made once."""
        found = self._repositories.get(kind)
        if found is None:
            executor = self._replica_reads if kind.reads_replica else self._executor
            executor = tenants.executor_of(kind, executor)
            found = self._repositories[kind] = kind(executor, self._signer)
        return cast("R", found)

    def named(self, name: str) -> Any:
        """Return the repository that the application registers as `name`, importing its module.

        Raise KeyError for an unknown name.
        """
        return self.get(application.current().load("repositories", name))

    @cached_property
    def imports(self) -> ImportJobRepository:
        from sluice.imports.job_repository import ImportJobRepository

        return ImportJobRepository(self._executor, self._signer)

    @cached_property
    def idempotency(self) -> IdempotencyKeyRepository:
        from sluice.sql.idempotency import IdempotencyKeyRepository

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
        """SQLAlchemy's session, in the same transaction.

        Changed objects are written before each statement of a repository, and at `commit`. With
        tenants it has the objects of the request's tenant.
        """
        session = self._transaction.session
        if application.current().tenant:
            from sluice.db.tenant_session import guard

            guard(session)
        return session

    def model(self, resource: Resource) -> type[Any]:
        """Return SQLAlchemy's class of a resource, for `session`. See db/mapped.py."""
        from sluice.db.mapped import models

        return models().of(resource)

    def commit(self) -> None:
        """Commit and end the transaction.

        Raise SluiceErrors. One is StaleVersion: another transaction changed an object of `session`.
        """
        self._transaction.commit()
