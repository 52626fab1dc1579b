"""Read a row, change it, and write it back unless another writer was faster."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from .errors import PreconditionFailedError
from .response import ParsedResponse

Row = TypeVar("Row")
Written = TypeVar("Written")


def update(
    read: Callable[[], ParsedResponse[Row]],
    write: Callable[[Row, str], Written],
    *,
    max_attempts: int = 3,
) -> Written:
    """Call `write(row, etag)` with what `read()` returned, and read again if the row has changed.

    `write` sends the ETag as `if_match`. Raise PreconditionFailedError if the row has changed each
    time, and at once if an earlier attempt of the write may have been applied: to compute the
    change from the new row could then apply it twice.
    """
    for attempt in range(1, max_attempts + 1):
        current = read()
        try:
            return write(current.parsed, current.etag)
        except PreconditionFailedError as error:
            if error.maybe_applied or attempt == max_attempts:
                raise
    raise ValueError("max_attempts must be at least 1")


async def update_async(
    read: Callable[[], Awaitable[ParsedResponse[Row]]],
    write: Callable[[Row, str], Awaitable[Written]],
    *,
    max_attempts: int = 3,
) -> Written:
    """Do the same as `update`, with coroutines."""
    for attempt in range(1, max_attempts + 1):
        current = await read()
        try:
            return await write(current.parsed, current.etag)
        except PreconditionFailedError as error:
            if error.maybe_applied or attempt == max_attempts:
                raise
    raise ValueError("max_attempts must be at least 1")
