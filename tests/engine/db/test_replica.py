"""The routing of reads to a replica."""

import pytest

from sluice.db.database import Database
from sluice.db.replica import Replica
from sluice.query import Query


def test_routed_read_has_no_statement_before_it(database: Database) -> None:
    """The check of the replica takes that place."""
    reads = Replica(database).route_reads(database)

    with pytest.raises(ValueError, match="before"):
        reads.read(Query("SELECT 1", before=Query("SELECT 2")))
