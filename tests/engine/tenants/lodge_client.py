"""What the tests of tenants ask of the application lodge."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pg8000.native

from sluice import application, request_context
from sluice.request_context import RequestContext
from sluice.runtime import Runtime
from sluice.sql.list_spec import ListQuery, Parent

FIRST_PAGE: Final = ListQuery()


@contextmanager
def tenant(name: str) -> Iterator[RequestContext]:
    """Begin a request of this tenant; of none if it is empty."""
    with request_context.begin(60) as context:
        context.tenant = name
        yield context


@dataclass(frozen=True)
class Lodge:
    """A database of the application lodge. `owner` is a connection that sees all houses."""

    owner: pg8000.native.Connection
    runtime: Runtime

    def sql(self, statement: str) -> list[Any]:
        """Run a statement as the owner, and return its rows."""
        return list(self.owner.run(statement) or [])

    def repository(self, name: str) -> Any:
        """Return the repository of a resource."""
        return self.runtime.named(name)

    def kind(self, name: str) -> Any:
        """Return the class of the repository of a resource."""
        return application.current().load("repositories", name)

    def rows(
        self, name: str, query: ListQuery = FIRST_PAGE, parent: Parent | None = None
    ) -> list[dict[str, Any]]:
        """Return the rows of a page."""
        page = self.repository(name).page(query, parent)
        return list(json.loads(f"[{page.items}]"))

    def create(self, name: str, values: Mapping[str, object]) -> dict[str, Any]:
        """Add a row, and return it."""
        return dict(json.loads(self.repository(name).create(values).json))
