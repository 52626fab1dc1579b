"""The rules of a repository, and its derived statements, in imports."""

from tests.fixtures.imports import ImportHarness


def test_rule_rejects_a_row_and_the_others_are_written(harness: ImportHarness) -> None:
    job = harness.load(
        "email,name\nada@example.com,Ada\nEve@Example.invalid,Eve\nADA@example.com,Ada Byron\n",
        "readers",
    )

    assert (job["status"], job["rows_written"]) == ("completed", 2)
    assert harness.rejects(job["id"]) == [(3, "email", "invalid")]
    assert harness.client.sql("SELECT email, name FROM readers") == [
        ["ADA@example.com", "Ada Byron"]
    ]


def test_value_that_a_rule_makes_is_stored(harness: ImportHarness) -> None:
    harness.load("name\nTravel\n", "shelves")
    job = harness.load("name,slug\nJourneys,travel\nSea & Land,\n", "shelves")

    assert job["rows_written"] == 2
    assert harness.client.sql("SELECT name, slug FROM shelves ORDER BY slug") == [
        ["Sea & Land", "sea-land"],
        ["Journeys", "travel"],
    ]


def test_constraint_checked_at_the_commit_rejects_one_row(harness: ImportHarness) -> None:
    harness.client.sql(
        "ALTER TABLE shelves ADD CONSTRAINT once UNIQUE (name) DEFERRABLE INITIALLY DEFERRED"
    )
    try:
        job = harness.load("name,slug\nSea,a\nLand,b\nSea,c\nAir,d\n", "shelves")
    finally:
        harness.client.sql("ALTER TABLE shelves DROP CONSTRAINT once")

    assert (job["status"], job["rows_written"]) == ("completed", 3)
    assert [reject[0] for reject in harness.rejects(job["id"])] == [4]
