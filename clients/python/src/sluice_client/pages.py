"""Iterators over all rows of a list, page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import ParamSpec, Protocol, TypeVar

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)
P = ParamSpec("P")


class PageCursors(Protocol):
    """The `pagination` of a page."""

    @property
    def next_cursor(self) -> str | None: ...


class RowPage(Protocol[Item_co]):
    """A page of a list."""

    @property
    def data(self) -> Sequence[Item_co]: ...

    @property
    def pagination(self) -> PageCursors: ...


def iterate(
    operation: Callable[P, RowPage[Item]], *args: P.args, **kwargs: P.kwargs
) -> Iterator[Item]:
    """Yield all rows of a list: `iterate(list_products.sync, client=client, sort=["name"])`.

    The arguments are those of the operation. A page is fetched when the iteration reaches it.
    """
    while True:
        page = operation(*args, **kwargs)
        yield from page.data
        if page.pagination.next_cursor is None:
            return
        kwargs["cursor"] = page.pagination.next_cursor
        kwargs.pop("offset", None)  # the cursor continues after it; the API refuses both


async def iterate_async(
    operation: Callable[P, Awaitable[RowPage[Item]]], *args: P.args, **kwargs: P.kwargs
) -> AsyncIterator[Item]:
    """Yield all rows of a list: `iterate_async(list_products.asyncio, client=client)`."""
    while True:
        page = await operation(*args, **kwargs)
        for row in page.data:
            yield row
        if page.pagination.next_cursor is None:
            return
        kwargs["cursor"] = page.pagination.next_cursor
        kwargs.pop("offset", None)
