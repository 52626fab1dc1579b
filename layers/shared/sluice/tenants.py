"""The tenant of a request, and the one place that binds it into statements.

A tenant is kept as its canonical text, so that two spellings of one UUID are one tenant.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from sluice import application, request_context
from sluice.errors import NoTenant
from sluice.query import Executor, Query

TENANT_PARAMETER: Final = "tenant_"
NAMES_TENANT = re.compile(rf"(?<!:):{TENANT_PARAMETER}(?!\w)")
UUID: Final = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
WHOLE_NUMBER: Final = r"0|-?[1-9][0-9]{0,18}"
BITS: Final = {"smallint": 16, "integer": 32, "bigint": 64}


class MissingTenant(Exception):
    """A statement over rows of tenants does not name the tenant, or a caller binds it. A bug."""


def application_type() -> str:
    """Return the SQL type of the application's tenants; empty without tenants."""
    return application.current().tenant


def canonical(text: str, sql_type: str = "") -> str:
    """Return the one spelling of a tenant of this SQL type, by default the application's.

    Raise ValueError if no tenant can be spelled so.
    """
    sql_type = sql_type or application_type()
    if sql_type in BITS:
        limit = 1 << (BITS[sql_type] - 1)
        if re.fullmatch(WHOLE_NUMBER, text) and -limit <= int(text) < limit:
            return text
    elif sql_type == "uuid":
        if re.fullmatch(UUID, text):
            return text.lower()
    elif text and "\0" not in text:
        return text.lower() if sql_type == "citext" else text
    raise ValueError(f"no tenant of type {sql_type} is spelled so")


def require() -> str:
    """Return the tenant of the current request as its canonical text. Raise NoTenant."""
    tenant = request_context.current().tenant
    if not tenant:
        raise NoTenant
    return tenant


def bound_value() -> object:
    """Return the tenant of the current request as statements bind it. Raise NoTenant."""
    tenant = require()
    return int(tenant) if application_type() in BITS else tenant


def names_tenant(sql: str) -> bool:
    """Return whether a statement has the parameter of the tenant."""
    return NAMES_TENANT.search(sql) is not None


class TenantExecutor:
    """Binds the tenant of the current request into each statement that names it.

    With `required` it refuses statements that do not name it.
    """

    def __init__(self, executor: Executor, *, required: bool = False) -> None:
        self._executor = executor
        self._required = required
        self._is_number = application.current().tenant in BITS

    def read(self, query: Query) -> Sequence[Any]:
        """Return the rows of a SELECT. Raise NoTenant, or MissingTenant."""
        return self._executor.read(self._bound(query))

    def write(self, query: Query) -> Sequence[Any]:
        """Run a statement that writes. Raise NoTenant, or MissingTenant."""
        return self._executor.write(self._bound(query))

    def _bound(self, query: Query) -> Query:
        if TENANT_PARAMETER in query.params:
            raise MissingTenant(f":{TENANT_PARAMETER} is bound by a caller; leave it out")
        if names_tenant(query.sql):
            tenant = require()
            value = int(tenant) if self._is_number else tenant
            return query._replace(params={**query.params, TENANT_PARAMETER: value})
        if self._required:
            raise MissingTenant(f"the statement does not name :{TENANT_PARAMETER}: {query.sql}")
        return query


def executor_of(kind: Any, executor: Executor) -> Executor:
    """Return the executor of a class of repositories: with the tenant, if there are tenants."""
    if not application_type():
        return executor
    return TenantExecutor(executor, required=kind.has_tenant())
