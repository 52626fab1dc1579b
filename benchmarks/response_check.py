"""Check, before anything is timed, that all contenders return the same data."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def require_same(scenario: str, responses: Mapping[object, list[Any]]) -> None:
    """Compare the responses of all contenders.

    Raises RuntimeError if a contender's responses differ from the first contender's. Fields that
    may differ, such as cursors, are not compared.
    """
    (_, expected), *others = responses.items()
    for name, bodies in others:
        for theirs, ours in zip(bodies, expected, strict=True):
            if _comparable(theirs, scenario) != _comparable(ours, scenario):
                raise RuntimeError(f"{name} responds differently to {scenario}:\n{theirs}\n{ours}")


def _comparable(body: dict[str, Any], scenario: str) -> Any:
    """Return the parts of a body that must be equal.

    Cursors differ by contender, and times may have trailing zeros. The id, name and times of a new
    row differ as well.
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
        [_comparable(product, scenario) for product in body["data"]],
        pagination["limit"],
        pagination["has_more"],
        pagination["next_cursor"] is not None,
    )
