"""Do all contenders give the same? A benchmark of unlike answers says nothing, so this comes before any timing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def require_same(scenario: str, answers: Mapping[object, list[Any]]) -> None:
    """`answers` by contender. RuntimeError where one differs from the first in more than cursors."""
    (_, expected), *others = answers.items()
    for name, bodies in others:
        for theirs, ours in zip(bodies, expected, strict=True):
            if _essence(theirs, scenario) != _essence(ours, scenario):
                raise RuntimeError(f"{name} answers {scenario} differently:\n{theirs}\n{ours}")


def _essence(body: dict[str, Any], scenario: str) -> Any:
    """A cursor is whatever its maker reads again, and a time may be printed with or without its zeros.

    What each has made has an id, a name and times of its own.
    """
    if scenario.startswith("POST"):
        return {
            name: value
            for name, value in body.items()
            if name not in ("id", "name", "created_at", "updated_at")
        }
    if "data" not in body:
        return {
            **body,
            **{name: datetime.fromisoformat(body[name]) for name in ("created_at", "updated_at")},
        }
    pagination = body["pagination"]
    return (
        [_essence(product, scenario) for product in body["data"]],
        pagination["limit"],
        pagination["has_more"],
        pagination["next_cursor"] is not None,
    )
