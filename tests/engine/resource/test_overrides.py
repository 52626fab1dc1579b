"""What the sample application takes over by hand. docs/overrides.md shows this code."""

import pytest

from sluice import application, runtime
from sluice.sql.identifiers import quoted
from tests.fixtures.graph import data
from tests.fixtures.sample import Library


def test_duplicate_of_a_made_slug_names_the_name(library: Library) -> None:
    library.add_shelf("novels")

    made = library.post("/api/shelves", {"name": "Novels"})
    sent = library.post("/api/shelves", {"name": "Prose", "slug": "novels"})

    assert (made.status, made.json["errors"][0]["pointer"]) == (409, "/name")
    assert (sent.status, sent.json["errors"][0]["pointer"]) == (409, "/slug")


def test_lists_read_the_view(library: Library) -> None:
    library.add_reader("ada@example.com", "Ada")
    former = library.add_reader("none@example.com", "Former reader")

    listed = library.get("/api/readers?include_total=true").json

    assert [row["name"] for row in listed["data"]] == ["Ada"]
    assert listed["pagination"]["total"] == 1
    assert library.get(f"/api/readers/{former}").status == 200
    repository = runtime.current().named("readers")
    assert repository.graphql_list_spec.source == repository.list_spec.source


@pytest.mark.parametrize("word", ["true", "false"])
def test_filter_has_its_own_sql(library: Library, word: str) -> None:
    for name, copies in (("Emma", 2), ("Persuasion", 0)):
        library.add_book(name, copies=copies)

    found = library.get(f"/api/books?available={word}&fields=name").json["data"]

    assert found == [{"name": "Emma" if word == "true" else "Persuasion"}]


def test_column_of_a_join_is_a_field_and_a_filter(library: Library) -> None:
    id = library.add_book("Emma", shelf="novels")
    library.add_book("Odes", shelf="poems")

    assert library.get(f"/api/books/{id}").json["shelf"] == "novels"
    found = library.get("/api/books?shelf=novels&fields=name,shelf").json["data"]
    assert found == [{"name": "Emma", "shelf": "novels"}]


def test_field_of_extra_graphql_has_a_resolver(library: Library) -> None:
    library.add_book("Emma", copies=0)

    nodes = data(library, "{ books { nodes { availability } } }")["books"]["nodes"]

    assert nodes == [{"availability": "LENT_OUT"}]


def test_merge_moves_the_books_and_deletes_the_shelf(library: Library) -> None:
    book = library.add_book("Emma", shelf="prose")
    prose, novels = library.add_shelf("prose"), library.add_shelf("novels")

    merged = library.post(f"/api/shelves/{prose}/merge", {"into": "novels"})

    assert (merged.status, merged.json["id"]) == (200, novels)
    assert merged.json == library.get(f"/api/shelves/{novels}").json
    assert library.get(f"/api/shelves/{prose}").status == 404
    moved = library.get(f"/api/books/{book}").json
    assert (moved["shelf"], moved["version"]) == ("novels", 2)


@pytest.mark.parametrize("into", ["prose", "unknown"])
def test_merge_into_no_other_shelf_is_refused(library: Library, into: str) -> None:
    prose = library.add_shelf("prose")

    refused = library.post(f"/api/shelves/{prose}/merge", {"into": into})

    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/into")


def test_merge_needs_the_scope_of_a_write(library: Library) -> None:
    refused = library.post("/api/shelves/1/merge", {"into": "novels"}, x_api_key="local-reader")

    assert (refused.status, refused.json["code"]) == (403, "insufficient_scope")


def test_refused_merge_changes_nothing(library: Library) -> None:
    library.add_book("Emma", shelf="novels")

    refused = library.post("/api/shelves/999/merge", {"into": "novels"})

    assert refused.status == 404
    assert library.sql("SELECT version FROM shelves") == [[1]]


def test_sql_by_hand_reads_its_columns_only(isolated_library: Library) -> None:
    """The role may not read the column `secret`, which neither the fields nor the SQL name."""
    library = isolated_library
    id = library.add_book("Emma", shelf="novels")
    books = application.load(application.current().registry.DECLARATIONS["books"])
    columns = ", ".join(quoted(field.column) for field in books.all_fields)
    library.sql("ALTER TABLE books ADD COLUMN secret text")
    library.sql("REVOKE ALL ON books FROM sluice_app")
    library.sql(f"GRANT SELECT ({columns}), UPDATE ({columns}), DELETE ON books TO sluice_app")

    book = library.get(f"/api/books/{id}")
    assert book.status == 200, book.text
    assert library.get("/api/books?shelf=novels&sort=copies").json["data"] == [book.json]
    assert data(library, "{ books { nodes { name } } }")["books"]["nodes"] == [{"name": "Emma"}]
    changed = library.patch(f"/api/books/{id}", {"copies": 9}, if_match=book.headers["ETag"])
    assert (changed.status, changed.json["copies"]) == (200, 9)
    assert library.delete(f"/api/books/{id}").status == 204
