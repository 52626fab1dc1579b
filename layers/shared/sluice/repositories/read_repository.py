"""What the repositories of all resources read alike: a page, one by its id, many by theirs, and slices."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from sluice.errors import InvalidCursor
from sluice.repositories.connections import RelayConnection, read_connection, read_connections
from sluice.repositories.list_spec import ListQuery, ListSpec, Page
from sluice.repositories.page_cursor import CursorSigner
from sluice.repositories.pages import read_page
from sluice.repositories.projection import Executor, Representation, Row, find, get_many


class ReadRepository:
    """A repository whose resource is `listing`'s view."""

    list_spec: ClassVar[ListSpec]

    def __init__(self, statements: Executor, signer: CursorSigner) -> None:
        self._statements = statements
        self._signer = signer

    def page(self, query: ListQuery) -> Page:
        """InvalidCursor where the cursor is no cursor of this list."""
        return read_page(self._statements, self.list_spec, query, self._signer)

    def get_by_id(self, id: int, fields: frozenset[str] | None = None) -> Representation:
        """NotFound where there is none."""
        return find(self._statements, self.list_spec.projection, id, fields)

    def get_many(self, ids: Sequence[int], fields: Collection[str]) -> dict[int, Row]:
        """Those that there are."""
        return get_many(self._statements, self.list_spec.projection, ids, fields)


class ConnectionRepository(ReadRepository):
    """A repository that others' rows lead to: `nested` is its list as their connections show it, `owned` by which."""

    graphql_list_spec: ClassVar[ListSpec]
    parent_filter: ClassVar[str]

    def connection(self, query: ListQuery) -> RelayConnection:
        """InvalidCursor as in `page`."""
        return read_connection(self._statements, self.graphql_list_spec, query, self._signer)

    def connections_by_parent(
        self, owners: Sequence[int], query: ListQuery
    ) -> dict[int, RelayConnection | InvalidCursor]:
        """The slice of each owner's rows."""
        return read_connections(
            self._statements,
            self.graphql_list_spec,
            query,
            self._signer,
            self.parent_filter,
            owners,
        )

    def get_many(self, ids: Sequence[int], fields: Collection[str]) -> dict[int, Row]:
        return get_many(self._statements, self.graphql_list_spec.projection, ids, fields)
