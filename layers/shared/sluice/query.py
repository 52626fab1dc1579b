"""Queries, and the executors that run them: a database, a replica, or one transaction."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

NO_PARAMS: Mapping[str, object] = MappingProxyType({})


class Query(NamedTuple):
    """One statement with `:named` parameters, and how it is sent.

    Write `mod()` for modulo: in pg8000, `%` begins a placeholder. With `prepare` the server may
    keep the plan, so one plan must be the best for all parameters. A transaction of several
    statements ignores it.

    `before` is a statement without rows. It is sent in the same flush, before this one, and runs in
    the same transaction. If it fails, this statement does not run.
    """

    sql: str
    params: Mapping[str, object] = NO_PARAMS
    prepare: bool = False
    before: "Query | None" = None


class Executor(Protocol):
    """Runs the queries of a repository.

    `read` may be repeated after a lost connection, `write` is not.
    """

    def read(self, query: Query) -> Sequence[Any]: ...
    def write(self, query: Query) -> Sequence[Any]: ...
