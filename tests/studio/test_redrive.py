"""An import that is redriven from the dead-letter queue belongs to its studio, as before."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.intrinsics import ACCOUNT_ID
from scripts.dead_letters import main as dead_letters
from sluice import request_context
from sluice.errors import NotFound
from tests.fixtures.import_queue import MAX_RECEIVE_COUNT, QueueHarness
from tests.fixtures.studio import ADD_STUDIO, OTHER_STUDIO, STUDIO

KEY = f"incoming/labels/tenant={OTHER_STUDIO}/labels.csv"
STORED = "SELECT studio_id::text FROM studio.labels WHERE slug = 'redriven'"
JOBS = "SELECT id, tenant, status, rows_written FROM sluice.import_jobs"


@pytest.fixture
def studios(pipeline: QueueHarness) -> Iterator[QueueHarness]:
    """Return the queue, with a database of two studios."""
    client = pipeline.harness.client
    for studio in (STUDIO, OTHER_STUDIO):
        client.sql(ADD_STUDIO, id=studio)
    yield pipeline
    client.sql("DELETE FROM studio.labels WHERE slug = 'redriven'")


def test_redriven_import_keeps_its_tenant(studios: QueueHarness, tmp_path: Path) -> None:
    client, harness = studios.harness.client, studios.harness
    client.sql("ALTER TABLE studio.labels RENAME COLUMN title TO called")
    try:
        studios.put(KEY, "slug,title\nredriven,Label\n")
        assert studios.process_all() == MAX_RECEIVE_COUNT
    finally:
        client.sql("ALTER TABLE studio.labels RENAME COLUMN called TO title")
    ((id, *failed),) = client.sql(JOBS)
    assert failed == [OTHER_STUDIO, "failed", 0]

    url = studios.url.partition("/" + ACCOUNT_ID)[0]
    (tmp_path / "local.json").write_text(json.dumps({"sqs_url": url}))
    assert dead_letters(["redrive", "--state", str(tmp_path)]) == 0
    assert studios.process_all() == 1

    assert client.sql(JOBS) == [[id, OTHER_STUDIO, "completed", 1]]
    assert client.sql(STORED) == [[OTHER_STUDIO]]
    with request_context.begin(60.0) as context:
        context.tenant = STUDIO
        with pytest.raises(NotFound):
            harness.jobs.get_by_id((id,))
