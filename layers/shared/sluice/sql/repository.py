"""The base class of repositories. The SQL of a resource is in its repository."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sluice.errors import NotFound
from sluice.query import Executor
from sluice.sql.page_cursor import CursorSigner


class Repository:
    """A resource, or a report, over a database or over one transaction.

    With `reads_replica`, its reads outside of a transaction may be served by a replica. In an
    application with tenants each statement must name the tenant, as `:tenant_`, unless the class
    says `all_tenants`.
    """

    reads_replica: ClassVar[bool] = False
    all_tenants: ClassVar[bool] = False

    @classmethod
    def has_tenant(cls) -> bool:
        """Return whether each statement must name the tenant."""
        return not cls.all_tenants

    def __init__(self, executor: Executor, signer: CursorSigner) -> None:
        self._executor = executor
        self._signer = signer


def first_row(rows: Sequence[Any]) -> Any:
    """Return the first row. Raise NotFound without one."""
    if not rows:
        raise NotFound
    return rows[0]
