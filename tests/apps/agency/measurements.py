"""Measurements, at /api/measurements. The table has partitions."""

from sluice.kinds.floating import Real
from sluice.kinds.integer import BigInt
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository

MEASUREMENTS = Resource(
    name="measurements",
    singular="measurement",
    description="What a sensor has measured.",
    table="agency.measurements",
    group="measurements",
    key=[BigInt("sensor", column="id", sort=True), Timestamp("measured_at")],
    fields=[Real("value", nullable=True, non_finite=True, filter="range", sort=True)],
)


class MeasurementRepository(ResourceRepository):
    """Reads and writes measurements."""

    resource = MEASUREMENTS
