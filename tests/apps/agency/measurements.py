"""Measurements, at /api/measurements. The table has partitions."""

from sluice.kinds.floating import Real
from sluice.kinds.integer import BigInt
from sluice.kinds.timestamp import Timestamp
from sluice.resource import GraphQL, Resource
from sluice.sql.resource_repository import ResourceRepository

MEASUREMENTS = Resource(
    name="measurements",
    singular="measurement",
    description="What a sensor has measured.",
    table="agency.measurements",
    group="measurements",
    key=[BigInt("id", sort=True), Timestamp("measured_at")],
    fields=[Real("value", nullable=True, non_finite=True, filter="range", sort=True)],
    graphql=GraphQL(queries=[], mutations=[]),
)


class MeasurementRepository(ResourceRepository):
    """Reads and writes measurements."""

    resource = MEASUREMENTS
