"""Rows of an import that a trigger of the database ignores."""

from tests.fixtures.imports import ImportHarness, insert_trigger

IGNORE = "IF NEW.\"user\" = 'ghost' THEN RETURN NULL; END IF;"


def test_ignored_row_is_rejected(harness: ImportHarness) -> None:
    """PostgreSQL reports no error, and the other rows are written."""
    with insert_trigger(harness.client, 'agency."Order Lines"', IGNORE):
        job = harness.load("unit_price,order,user\n1.50,1,ann\n1.50,2,ghost\n1.50,3,\n", "lines")

    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (3, 2, 1)
    assert [line for line, _, _ in harness.rejects(job["id"])] == [3]
    count = 'SELECT count(*) FROM agency."Order Lines"'
    assert harness.client.sql(count) == [[2]]
