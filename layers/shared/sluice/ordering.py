"""What an order may be, and where it may go: the rules that are about more than one row.

Each takes the shop's repositories: a Runtime's, where the one statement is the whole transaction, or those of a unit
of work, where it is a part of one.
"""

from collections.abc import Sequence

from sluice.errors import FieldError, InvalidTransition, OutOfStock, ValidationFailed
from sluice.repositories.conditional_write import NO_PRECONDITION, Precondition
from sluice.repositories.idempotency import IdempotencyKey
from sluice.repositories.orders import NO_IMMUTABLE_FIELDS, ImmutableFields, PlaceOrderResult
from sluice.repositories.projection import Representation
from sluice.unit_of_work import Repositories

# From each status to those that may follow.
TRANSITIONS = {
    "pending": ("paid", "cancelled"),
    "paid": ("shipped", "cancelled"),
    "shipped": ("delivered",),
    "delivered": (),
    "cancelled": (),
}


def place_order(
    shop: Repositories,
    user_id: int,
    items: Sequence[tuple[int, int]],
    key: IdempotencyKey | None = None,
) -> Representation:
    """Order `items`, each (product id, quantity); one that is named twice is one item.

    ValidationFailed for an unknown user or product, OutOfStock where there is too little, each with all of them;
    with a key also IdempotencyInProgress and IdempotencyKeyReused. In all cases nothing has changed.
    """
    result = shop.orders.place(user_id, merge_items(items), key)
    if result.record is None:
        raise _refusal(result, [product_id for product_id, _ in items])
    return result.record


def merge_items(items: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The items with each product once, and the sum of its quantities."""
    quantities: dict[int, int] = {}
    for product_id, quantity in items:
        quantities[product_id] = quantities.get(product_id, 0) + quantity
    return list(quantities.items())


def change_status(
    shop: Repositories,
    id: int,
    status: str | None,
    precondition: Precondition = NO_PRECONDITION,
    immutable_fields: ImmutableFields = NO_IMMUTABLE_FIELDS,
) -> Representation:
    """Move an order to `status`, which it may have already; None keeps its status.

    NotFound, StaleVersion, InvalidTransition.
    ValidationFailed where `repeated` differs from the order. A cancelled order's stock is returned with it.
    """
    sources = [
        source for source, targets in TRANSITIONS.items() if status in (None, source, *targets)
    ]
    record, was = shop.orders.update_status(
        id, status, from_=sources, precondition=precondition, immutable_fields=immutable_fields
    )
    if record is None:
        then = (
            f"can only become {' or '.join(TRANSITIONS[was])}"
            if TRANSITIONS[was]
            else "cannot change any more"
        )
        fault = FieldError("invalid_transition", f"is {was} and {then}", pointer="/status")
        raise InvalidTransition(errors=[fault])
    return record


def _refusal(result: PlaceOrderResult, product_ids: Sequence[int]) -> ValidationFailed | OutOfStock:
    """Every reason, at the items that name the products."""
    unknown = (
        [FieldError("unknown", "does not exist", pointer="/user_id")]
        if not result.user_known
        else []
    )
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
                "out_of_stock",
                f"product {id} has {result.short[id]} left",
                pointer=f"/items/{n}/quantity",
            )
            for n, id in enumerate(product_ids)
            if id in result.short
        ]
    )
