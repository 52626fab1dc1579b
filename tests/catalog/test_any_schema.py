"""Any schema becomes declarations that `make derive` accepts and whose pages can be read."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.classify import draft
from catalog.draft import AdoptRequest
from catalog.read import read
from tests.catalog.databases import opened, run
from tests.catalog.schemas import schema
from tests.catalog.served import problems, read_everything

EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(statements=schema(), group=st.sampled_from(["schema", "resource"]))
def test_any_schema_is_served(
    empty_database: str, tmp_path: Path, statements: str, group: str
) -> None:
    run(empty_database, EMPTY + statements)
    with opened(empty_database) as database:
        snapshot = read(database)
        request = AdoptRequest(app="depot", tables=["*.*"], group=group)  # type: ignore[arg-type]
        found = draft(snapshot, request)
        assert [*problems(found, tmp_path)] == []
        read_everything(found, tmp_path, database)
        known = [each.resource() for each in found.resources]
        again = draft(snapshot, AdoptRequest(app="depot", tables=["*.*"], known=known))
        assert [str(each.expression) for each in again.resources] == [
            str(each.expression) for each in found.resources
        ]
