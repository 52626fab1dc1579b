"""Rules of orders that concern several rows: placing an order, and changing its status.

With the repositories of a Runtime, each statement is a separate transaction. With those of a unit
of work, the statements are part of its transaction.
"""

from collections.abc import Sequence

from shop.errors import InvalidTransition, OutOfStock
from shop.orders import (
    NO_IMMUTABLE_FIELDS,
    TRANSITIONS,
    ImmutableFields,
    OrderRepository,
    PlaceOrderResult,
)
from sluice.errors import FieldError, ValidationFailed
from sluice.sql.idempotency import IdempotencyKey
from sluice.sql.precondition import NO_PRECONDITION, Precondition
from sluice.sql.projection import Representation
from sluice.unit_of_work import Repositories


def place_order(
    repositories: Repositories,
    user_id: int,
    items: Sequence[tuple[int, int]],
    key: IdempotencyKey | None = None,
) -> Representation:
    """Place an order of `items`, each (product id, quantity), and return it.

    A product that occurs twice is one item. Raises ValidationFailed for an unknown user or
    products, and OutOfStock; each lists all of its reasons. With a key it also raises
    IdempotencyInProgress and IdempotencyKeyReused. After an error nothing has changed.
    """
    result = repositories.get(OrderRepository).place(user_id, merge_items(items), key)
    if result.order is None:
        raise _error_of(result, [product_id for product_id, _ in items])
    return result.order


def merge_items(items: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the items with each product once, and the sum of its quantities."""
    quantities: dict[int, int] = {}
    for product_id, quantity in items:
        quantities[product_id] = quantities.get(product_id, 0) + quantity
    return list(quantities.items())


def change_status(
    repositories: Repositories,
    id: int,
    status: str | None,
    precondition: Precondition = NO_PRECONDITION,
    immutable_fields: ImmutableFields = NO_IMMUTABLE_FIELDS,
) -> Representation:
    """Set the status of an order and return the order. None keeps the status.

    Setting the status that the order has is allowed. A cancelled order returns its stock.

    Raises NotFound, StaleVersion, InvalidTransition, and ValidationFailed if `immutable_fields`
    differ from the order.
    """
    allowed_from = [
        source for source, targets in TRANSITIONS.items() if status in (None, source, *targets)
    ]
    order, previous_status = repositories.get(OrderRepository).update_status(
        id,
        status,
        from_=allowed_from,
        precondition=precondition,
        immutable_fields=immutable_fields,
    )
    if order is None:
        raise _invalid_transition(previous_status)
    return order


def _invalid_transition(status: str) -> InvalidTransition:
    allowed = " or ".join(TRANSITIONS[status])
    rule = f"can only become {allowed}" if allowed else "cannot change any more"
    message = f"is {status} and {rule}"
    return InvalidTransition(errors=[FieldError("invalid_transition", message, pointer="/status")])


def _error_of(
    result: PlaceOrderResult, product_ids: Sequence[int]
) -> ValidationFailed | OutOfStock:
    """Return the error with every reason, each at the item that names the product."""
    unknown = []
    if not result.user_known:
        unknown.append(FieldError("unknown", "does not exist", pointer="/user_id"))
    unknown += [
        FieldError("unknown", "no such product", pointer=f"/items/{n}/product_id")
        for n, product_id in enumerate(product_ids)
        if product_id in result.unknown
    ]
    if unknown:
        return ValidationFailed(errors=unknown)
    return OutOfStock(
        errors=[
            FieldError(
                "out_of_stock", f"product {id} has {left} left", pointer=f"/items/{n}/quantity"
            )
            for n, id in enumerate(product_ids)
            if (left := result.insufficient.get(id)) is not None
        ]
    )
