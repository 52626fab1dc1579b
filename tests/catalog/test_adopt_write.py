"""`make adopt WRITE=1`: it writes what has no file, all of it or nothing."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pg8000.native
import pytest

from local.database import settings_from_url
from testing.copied_repository import check_types, run
from tests.fixtures.adopt import SCHEMA, ForeignSchema, adopted_copy, commit, restore

FOLDER = Path("layers/shared/crm")
LATER = """
CREATE TABLE crm.notes (
    id integer PRIMARY KEY, deal_id bigint NOT NULL REFERENCES crm.deals, body text
);
CREATE INDEX ON crm.notes (deal_id);
"""
# What the function of a deployment does with the database of the URL.
GATE = """
import sys
from catalog import gate
from sluice.db.engine import make_engine
from sluice.settings import DatabaseSettings
engine = make_engine(DatabaseSettings.from_url(sys.argv[1]), "batch")
print([each["message"] for each in gate.compare_once(engine, "crm")])
"""


@pytest.fixture(name="adopted", scope="module")
def crm_in_a_copy() -> Iterator[ForeignSchema]:
    with adopted_copy() as database:
        yield database


@pytest.fixture(name="crm")
def crm_as_adopted(adopted: ForeignSchema) -> Iterator[ForeignSchema]:
    yield adopted
    restore(adopted)


def changed(folder: Path) -> str:
    """Return what `git` finds changed, also new files."""
    return run(folder, "git", "status", "--short", "--untracked-files=all")


def test_files_are_where_the_contract_says(crm: ForeignSchema) -> None:
    names = {path.name for path in (crm.folder / FOLDER).iterdir() if path.is_file()}

    assert names == {
        ".adopted.json",
        "application.py",
        "deals.py",
        "people.py",
        "proposed.sql",
        "registry.py",
        "schema.graphql",
    }
    assert (crm.folder / "functions/crm/crm/handler.py").is_file()
    assert (crm.folder / "tests/apps/crm/schema.sql").is_file()


def test_written_files_pass_the_checks(crm: ForeignSchema) -> None:
    files = str(FOLDER), "functions/crm"

    run(crm.folder, ".venv/bin/ruff", "format", "--check", *files)
    run(crm.folder, ".venv/bin/ruff", "check", *files)
    run(crm.folder, ".venv/bin/python", "-m", "scripts.derive", "--check", SLUICE_APP="crm")


def test_declarations_have_the_types_that_mypy_checks(crm: ForeignSchema) -> None:
    check_types(crm.folder, str(FOLDER))


def test_second_run_changes_nothing(crm: ForeignSchema) -> None:
    again = crm.adopt("--write", "--with-ddl")

    assert (again.code, again.err) == (0, "")
    assert "0 new resources in layers/shared/crm, 2 declared already" in again.out
    assert changed(crm.folder) == ""


def test_schema_can_be_loaded_into_an_empty_database(
    crm: ForeignSchema, empty_database: str
) -> None:
    script = (crm.folder / "tests/apps/crm/schema.sql").read_text()
    settings = settings_from_url(empty_database)

    with closing(
        pg8000.native.Connection(
            settings.user,
            password=settings.password,
            host=settings.host,
            port=settings.port,
            database=settings.name,
            ssl_context=False,
        )
    ) as connection:
        connection.run(script)
        tables = connection.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'crm'")

    assert tables == [[3]]
    assert "OWNER" not in script
    assert "Dumped" not in script


def test_proposed_statements_can_be_run(crm: ForeignSchema, empty_database: str) -> None:
    script = (crm.folder / FOLDER / "proposed.sql").read_text()
    copy = ForeignSchema(empty_database)
    copy.sql(SCHEMA)

    copy.sql(
        "DO $$ BEGIN CREATE ROLE sluice_app LOGIN; EXCEPTION WHEN duplicate_object THEN END $$"
    )
    for statement in statements(script):
        copy.sql(statement)

    copy.sql(
        """
        INSERT INTO crm.people VALUES (1, 'Ada');
        UPDATE crm.people SET name = 'Eve';
        UPDATE crm.people SET name = 'Eve';
        DO $$ BEGIN ASSERT (SELECT version FROM crm.people) = 2; END $$
        """
    )
    assert "CREATE INDEX CONCURRENTLY ON crm.deals (owner_id, id);" in script
    assert "CREATE INDEX CONCURRENTLY ON crm.deals (title, id);" in script
    assert "GRANT" in script


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a file: a blank line and a comment are before each."""
    for part in script.split("\n\n"):
        lines = [line for line in part.splitlines() if not line.startswith("--")]
        if lines:
            yield "\n".join(lines)


def test_new_table_adds_one_file(crm: ForeignSchema) -> None:
    crm.sql(LATER)
    edited = crm.folder / FOLDER / "deals.py"
    text = edited.read_text().replace("max_length=120", "max_length=80") + "\n# an edit\n"
    edited.write_text(text)
    commit(crm.folder)

    added = crm.adopt("--write")

    assert added.code == 0, added.err
    assert "?? layers/shared/crm/notes.py\n" in changed(crm.folder)
    assert edited.read_text() == text
    names = (line[3:] for line in changed(crm.folder).splitlines())
    assert {name for name in names if not name.startswith("deploy/crm/")} == {
        "functions/crm/crm/handler.py",
        "layers/shared/crm/.adopted.json",
        "layers/shared/crm/notes.py",
        "layers/shared/crm/registry.py",
        "layers/shared/crm/schema.graphql",
        "tests/apps/crm/schema.sql",
    }
    assert "layers/shared/crm/deals.py, in `relations`:" in added.out
    assert 'Many("notes", resource="notes", foreign_key="deal_id"),' in added.out


def test_adopt_prints_the_search_path_of_an_old_application(crm: ForeignSchema) -> None:
    crm.sql(
        """
        CREATE FUNCTION crm.check_deal() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER check_deal BEFORE UPDATE ON crm.deals
        FOR EACH ROW EXECUTE FUNCTION crm.check_deal()
        """
    )
    path = crm.folder / FOLDER / "application.py"
    text = path.read_text()

    added = crm.adopt("--write")

    assert added.code == 0, added.err
    assert "layers/shared/crm/application.py, in `APPLICATION`:\n" in added.out
    assert 'search_path=("crm", "public"),' in added.out
    assert path.read_text() == text


def test_declaration_in_another_module_counts(crm: ForeignSchema) -> None:
    folder = crm.folder / FOLDER
    (folder / "people.py").rename(folder / "humans.py")

    again = crm.adopt("--write")

    assert again.code == 0, again.err
    assert "0 new resources" in again.out


def test_file_of_another_thing_is_not_overwritten(crm: ForeignSchema) -> None:
    path = crm.folder / FOLDER / "notes.py"
    path.write_text("NOTES = 5\n")
    crm.sql(LATER)

    refused = crm.adopt("--write")

    assert refused.code == 1
    assert "layers/shared/crm/notes.py exists, and does not declare crm.notes" in refused.err
    assert path.read_text() == "NOTES = 5\n"
    assert changed(crm.folder) == "?? layers/shared/crm/notes.py\n"


def test_refused_derive_leaves_nothing(crm: ForeignSchema) -> None:
    wrong = crm.folder / FOLDER / "people.py"
    wrong.write_text(wrong.read_text().replace('group="crm"', 'group="health"'))
    crm.sql(LATER)

    refused = crm.adopt("--write")

    assert refused.code == 1
    assert "people.py:" in refused.err
    assert changed(crm.folder) == " M layers/shared/crm/people.py\n"


def test_module_that_cannot_be_imported_is_named(crm: ForeignSchema) -> None:
    (crm.folder / FOLDER / "people.py").write_text("from sluice.resource import\n")

    refused = crm.adopt()

    assert refused.code == 1
    assert "the application crm cannot be imported" in refused.err
    assert 'people.py", line 1' in refused.err
    assert "Traceback" not in refused.err


def test_first_adoption_that_fails_leaves_no_folder(crm: ForeignSchema) -> None:
    folder = crm.folder / "layers/shared/other"
    folder.mkdir()
    (folder / "people.py").write_text("PEOPLE = 5\n")

    refused = crm.adopt("--write", "--app", "other")

    assert refused.code == 1
    assert "layers/shared/other/people.py exists" in refused.err
    assert changed(crm.folder) == "?? layers/shared/other/people.py\n"


def test_edited_schema_file_stays(crm: ForeignSchema) -> None:
    path = crm.folder / "tests/apps/crm/schema.sql"
    text = path.read_text() + "-- an edit\n"
    path.write_text(text)
    crm.sql(LATER)

    added = crm.adopt("--write")

    assert path.read_text() == text
    assert "tests/apps/crm/schema.sql was changed, and stays" in added.out


def test_snapshot_is_kept_for_a_merge(crm: ForeignSchema) -> None:
    kept = json.loads((crm.folder / FOLDER / ".adopted.json").read_text())

    (adoption,) = kept["adoptions"]
    assert adoption["resources"] == {"crm.deals": "deals", "crm.people": "people"}
    assert "canary" not in json.dumps(kept)


def test_no_drift_right_after_adoption(crm: ForeignSchema) -> None:
    """Of views, too. No index answers the sort by the key of a materialized one."""
    crm.sql(
        """
        CREATE VIEW crm.open_deals AS SELECT id, title FROM crm.deals;
        CREATE MATERIALIZED VIEW crm.days AS SELECT DISTINCT born AS day FROM crm.people
        """
    )
    written = crm.adopt("--write", "--key", "crm.open_deals:id crm.days:day")
    assert written.code == 0, written.err

    compared = run(crm.folder, "make", "drift", "APP=crm", f"FROM={crm.url}")

    assert compared.startswith("Nothing differs between the declarations of crm and the database")
    assert compared.count("\n") == 1


def test_change_since_adoption_is_reported(crm: ForeignSchema) -> None:
    crm.sql("ALTER TABLE crm.deals ENABLE ROW LEVEL SECURITY; ALTER TABLE crm.deals ADD note text")

    compared = run(crm.folder, "make", "drift", "APP=crm", f"FROM={crm.url}", code=2)

    assert "crm.deals: row-level security is on" in compared
    assert "crm.deals.note: the column is new" in compared


def test_deployment_compares_with_the_adopted_catalogue(crm: ForeignSchema) -> None:
    run(crm.folder, "make", "migrate", "APP=crm", DATABASE_URL=crm.url)
    crm.sql("ALTER TABLE crm.deals ENABLE ROW LEVEL SECURITY")

    compared = run(crm.folder, sys.executable, "-c", GATE, crm.url)

    assert compared == "['row-level security is on: only rows that a policy allows are found']\n"
