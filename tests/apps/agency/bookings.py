"""Bookings of rooms, at /api/bookings, with constraints of several columns and of other kinds."""

from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.range import Range
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Constraint, Resource
from sluice.sql.resource_repository import ResourceRepository

BOOKINGS = Resource(
    name="bookings",
    singular="booking",
    description="A booking of a room.",
    table="agency.bookings",
    group="bookings",
    key=BigInt("id", minimum=1, read_only=True, sort=True),
    fields=[
        Integer("room"),
        Range("during", of=Timestamp("at")),
        Integer("position", filter="in", sort=True, unique=True),
        Numeric("price", precision=10, scale=2, minimum=0),
        Numeric("discount", precision=10, scale=2, minimum=0, maximum=9, default="0.00"),
        Integer("share", nullable=True, minimum=0, maximum=100),
        Numeric("to_pay", precision=10, scale=2, read_only=True, filter="range", sort=True),
    ],
    constraints=[
        Constraint(["room", "during"], "bookings_room_during_excl", "exclusion"),
        Constraint(["room", "position"], "bookings_no_13_check", "check"),
        Constraint(["position"], "bookings_position_key", deferrable=True),
        Constraint(["share"], "percentage_check", "domain"),
    ],
)


class BookingRepository(ResourceRepository):
    """Reads and writes bookings."""

    resource = BOOKINGS
