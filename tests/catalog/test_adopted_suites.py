"""Ten awkward tables are adopted, and served by the handlers that are derived for them."""

import pytest

from local.postgres import PostgresServer
from tests.adopted.__main__ import adopt, loaded, run_suites
from tests.fixtures.copied_repository import copy_of_repository
from tests.fixtures.template import ROOT

FILES = ("test_crud.py", "test_round_trips.py", "graph/test_types.py")
TESTS = (
    "created_row_is_at_its_location",
    "patch_changes_only_given_fields",
    "deleted_row_is_gone",
    "read_is_one_statement_and_round_trip",
    "test_write_is_one_round_trip",
    "row_has_the_values_of_rest",
)


@pytest.mark.timeout(600)  # the suites of ten tables
def test_adopted_tables_are_served(postgres_server: PostgresServer) -> None:
    url = loaded(postgres_server, ROOT / "tests/adopted/ten.sql", "ten")
    with copy_of_repository() as folder:
        adopt(url, folder, "ten")

        files = [f"tests/suites/{name}" for name in FILES]
        assert run_suites(folder, "ten", [*files, "-k", " or ".join(TESTS)]) == 0
