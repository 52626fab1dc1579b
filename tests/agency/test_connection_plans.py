"""Lists below several rows read a page of each by an index, in tables of every size.

The planner does not know how many rows a range of unknown bounds has, and assumes 0.5 % of the
table. For a table of 20,000 rows or less that is a page, so it would read and sort all rows of the
parent. It knows how many rows a parent has for an equality.
"""

from contextlib import closing

import pytest
from agency.notes import NoteRepository

from sluice import runtime
from sluice.errors import InvalidCursor
from sluice.sql.list_spec import ListQuery
from sluice.sql.page_cursor import CursorSigner
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.database import owner_connection
from tests.fixtures.explain import ExplainExecutor

INSERT = """
    INSERT INTO agency.notes (id, deal_id, body)
    SELECT gen_random_uuid(), d.id, 'text' FROM agency.deals d, generate_series(1, :n)
    ORDER BY random()
"""


@pytest.mark.parametrize("from_end", [False, True])
@pytest.mark.parametrize("limit", [5, 100])
@pytest.mark.parametrize(("deals", "notes"), [(1, 400), (20, 400), (20, 1_000), (2, 5_000)])
def test_page_of_each_row_is_read_by_the_index(
    isolated_client: Client, deals: int, notes: int, limit: int, *, from_end: bool
) -> None:
    client = isolated_client
    for n in range(deals):
        case_of("deals").insert(client, n)
    client.sql(INSERT, n=notes)
    client.sql("ANALYZE agency.notes")
    keys = [(id,) for (id,) in client.sql("SELECT id FROM agency.deals")]
    query = ListQuery(limit=limit, from_end=from_end)
    with closing(owner_connection(client.url)) as generic:
        generic.run("SET plan_cache_mode = force_generic_plan")
        executor = ExplainExecutor(runtime.current().database, generic)
        repository = NoteRepository(executor, CursorSigner(b"the key of this test's cursors"))

        pages = repository.connections_by_parent(keys, query, "deal_id")

    assert len(pages) == deals
    assert executor.visited() == deals * (limit + 1)
    assert executor.indexes() == {"notes_deal_idx"}


@pytest.mark.parametrize("from_end", [False, True])
@pytest.mark.parametrize("notes", [1_000, 5_000])
def test_page_at_a_cursor_starts_in_the_index(
    isolated_client: Client, notes: int, *, from_end: bool
) -> None:
    client, limit = isolated_client, 100
    case_of("deals").insert(client, 0)
    case_of("deals").insert(client, 1)
    client.sql(INSERT, n=notes)
    client.sql("VACUUM ANALYZE agency.notes")
    key = (client.sql("SELECT id FROM agency.deals")[0][0],)
    with closing(owner_connection(client.url)) as generic:
        generic.run("SET plan_cache_mode = force_generic_plan")
        executor = ExplainExecutor(runtime.current().database, generic)
        repository = NoteRepository(executor, CursorSigner(b"the key of this test's cursors"))
        query, buffers = ListQuery(limit=limit, from_end=from_end), []
        for _ in range(notes // limit - 1):
            page = repository.connections_by_parent([key], query, "deal_id")[key]
            assert not isinstance(page, InvalidCursor)
            cursor = page.cursor(page.rows[0 if from_end else -1])
            query = query._replace(**{"before" if from_end else "after": cursor})
            buffers.append(max(plan[0]["Shared Hit Blocks"] for plan in executor.plans))
            assert executor.visited() <= limit + 2

    assert buffers[-1] <= buffers[1] + 10  # entries that are passed over need their pages
