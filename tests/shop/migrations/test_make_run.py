"""`make run` on a database with another application changes nothing in it."""

from testing.local_system import temporary_system
from tests.fixtures.foreign_database import ForeignDatabase


def test_make_run_changes_nothing(database: ForeignDatabase) -> None:
    upload = {"resource": "users", "format": "csv", "filename": "u.csv"}
    before = database.snapshot()
    with temporary_system(DATABASE_URL=database.url) as system:
        system.start()
        assert system.request("/api/products")[1]["code"] == "not_set_up"
        assert system.request("/api/categories", {"name": "Mugs"})[1]["code"] == "not_set_up"
        assert system.request("/api/imports", upload)[0] == 503
        assert (
            system.request("/api/analytics/query?query=select+1+as+one")[1]["code"] == "not_set_up"
        )
        assert system.request("/health/ready")[1]["code"] == "not_set_up"
        status, output, _ = system.stop()
    assert status == 0
    assert "does not have the schema sluice" in output
    assert "make migrate DATABASE_URL=" in output
    assert database.snapshot() == before
