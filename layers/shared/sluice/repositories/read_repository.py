"""What the repositories of all resources read alike: a page, one by its id, many by theirs, and slices."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from sluice.errors import InvalidCursor
from sluice.repositories.connections import Slice, read_slice, read_slices
from sluice.repositories.list_spec import Listing, ListQuery, Page
from sluice.repositories.page_cursor import CursorSigner
from sluice.repositories.pages import read_page
from sluice.repositories.projection import Record, Row, Statements, find, get_many


class Listed:
    """A repository whose resource is `listing`'s view."""

    listing: ClassVar[Listing]

    def __init__(self, statements: Statements, signer: CursorSigner) -> None:
        self._statements = statements
        self._signer = signer

    def page(self, query: ListQuery) -> Page:
        """InvalidCursor where the cursor is no cursor of this list."""
        return read_page(self._statements, self.listing, query, self._signer)

    def get_by_id(self, id: int, fields: frozenset[str] | None = None) -> Record:
        """NotFound where there is none."""
        return find(self._statements, self.listing.view, id, fields)

    def get_many(self, ids: Sequence[int], fields: Collection[str]) -> dict[int, Row]:
        """Those that there are."""
        return get_many(self._statements, self.listing.view, ids, fields)


class Sliced(Listed):
    """A repository that others' rows lead to: `nested` is its list as their connections show it, `owned` by which."""

    nested: ClassVar[Listing]
    owned: ClassVar[str]

    def slice(self, query: ListQuery) -> Slice:
        """InvalidCursor as in `page`."""
        return read_slice(self._statements, self.nested, query, self._signer)

    def slices_of(
        self, owners: Sequence[int], query: ListQuery
    ) -> dict[int, Slice | InvalidCursor]:
        """The slice of each owner's rows."""
        return read_slices(self._statements, self.nested, query, self._signer, self.owned, owners)

    def get_many(self, ids: Sequence[int], fields: Collection[str]) -> dict[int, Row]:
        return get_many(self._statements, self.nested.view, ids, fields)
