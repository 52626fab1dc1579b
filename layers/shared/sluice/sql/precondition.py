"""Preconditions: If-Match and If-None-Match, as a condition on the ETag of the row to write."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sluice.sql.projection import Projection


class Precondition(NamedTuple):
    """A condition on the ETag of the row that is written.

    The ETag must be one of `if_match` and none of `if_none_match`. None means no condition.
    """

    if_match: Collection[str] | None = None
    if_none_match: Collection[str] | None = None

    def params(self) -> dict[str, object]:
        """Return the parameters of a statement that has `match_condition`."""
        return {
            "if_match": None if self.if_match is None else list(self.if_match),
            "if_none_match": None if self.if_none_match is None else list(self.if_none_match),
        }


NO_PRECONDITION = Precondition()


def match_condition(projection: Projection) -> str:
    """Return the SELECT item `matches`: whether the row satisfies the precondition."""
    etag = projection.etag
    return (
        f"((CAST(:if_match AS text[]) IS NULL OR ({etag}) = ANY(CAST(:if_match AS text[]))) AND "
        f"(CAST(:if_none_match AS text[]) IS NULL"
        f" OR ({etag}) <> ALL(CAST(:if_none_match AS text[])))) AS matches"
    )
