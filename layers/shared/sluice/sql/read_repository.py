"""Base classes of the repositories, which read pages, rows by id, and Relay connections."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from sluice.errors import InvalidCursor
from sluice.sql.connections import RelayConnection, read_connection, read_connections
from sluice.sql.list_spec import ListQuery, ListSpec, Page
from sluice.sql.pages import read_page
from sluice.sql.projection import Representation, Row, find, get_many
from sluice.sql.repository import Repository


class ReadRepository(Repository):
    """Reads the resource of `list_spec`."""

    list_spec: ClassVar[ListSpec]

    def page(self, query: ListQuery) -> Page:
        """Return a page. Raises InvalidCursor if the cursor is not for this list."""
        return read_page(self._executor, self.list_spec, query, self._signer)

    def get_by_id(self, id: int, fields: frozenset[str] | None = None) -> Representation:
        """Return the row with this id. Raises NotFound."""
        return find(self._executor, self.list_spec.projection, id, fields)

    def get_many(self, ids: Sequence[int], fields: Collection[str]) -> dict[int, Row]:
        """Return the rows with these ids, by id. Ids without a row are missing."""
        return get_many(self._executor, self.list_spec.projection, ids, fields)


class ConnectionRepository(ReadRepository):
    """A repository whose rows GraphQL also shows as the children of other rows.

    `graphql_list_spec` is the list as GraphQL shows it. `parent_filter` is the filter that selects
    the children of one parent.
    """

    graphql_list_spec: ClassVar[ListSpec]
    parent_filter: ClassVar[str]

    def connection(self, query: ListQuery) -> RelayConnection:
        """Return a part of the list. Raises InvalidCursor if a cursor is not for this list."""
        return read_connection(self._executor, self.graphql_list_spec, query, self._signer)

    def connections_by_parent(
        self, parent_ids: Sequence[int], query: ListQuery
    ) -> dict[int, RelayConnection | InvalidCursor]:
        """Return the children of each parent, or InvalidCursor if a cursor is not for that list."""
        return read_connections(
            self._executor,
            self.graphql_list_spec,
            query,
            self._signer,
            self.parent_filter,
            parent_ids,
        )

    def get_many(self, ids: Sequence[int], fields: Collection[str]) -> dict[int, Row]:
        """Return the rows with these ids as GraphQL shows them, by id."""
        return get_many(self._executor, self.graphql_list_spec.projection, ids, fields)
