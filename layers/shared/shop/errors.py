"""The errors of the shop's rules."""

from sluice.errors import Conflict


class OutOfStock(Conflict):
    """There is less stock than requested. `errors` names the products and the remaining stock of
    each.
    """

    code = "out_of_stock"
    title = "There is not enough stock"


class InvalidTransition(Conflict):
    code = "invalid_transition"
    title = "The order cannot change to this status"
