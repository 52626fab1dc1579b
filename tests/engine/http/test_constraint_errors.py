"""Violated constraints have the errors and the field names that the application lists."""

import pytest

from tests.fixtures.sample import Library


def test_constraint_has_the_error_of_the_application(library: Library) -> None:
    book = library.add_book("Emma", copies=2)
    response = library.patch(f"/api/books/{book}", {"copies": -1})
    assert (response.status, response.code) == (409, "no_copies")
    assert library.sql("SELECT copies FROM books") == [[2]]


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"name": "Taken"}, "duplicate", "/name"),
        ({"shelf": "nowhere"}, "unknown", "/shelf"),  # the column is shelf_id
    ],
)
def test_other_constraints_name_the_field(
    library: Library, change: dict[str, str], code: str, pointer: str
) -> None:
    library.add_book("Taken")
    book = library.add_book("Emma")
    response = library.patch(f"/api/books/{book}", change)
    found = [(error["code"], error["pointer"]) for error in response.json["errors"]]
    assert found == [(code, pointer)]


def test_unknown_reference_of_a_new_row_is_named(library: Library) -> None:
    """The foreign key is checked at the end of the statement, whose joins find no shelf before."""
    response = library.graphql(
        "mutation ($input: CreateBookInput!) { createBook(input: $input) { id } }",
        {"input": {"name": "Emma", "price": "1.00", "shelfId": "12345678"}},
    )
    [error] = response.json["errors"]
    assert error["extensions"]["code"] == "validation_failed"


IGNORED = {
    "trigger": [
        "CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER ignore BEFORE INSERT OR UPDATE OR DELETE ON shelves "
        "FOR EACH ROW EXECUTE FUNCTION ignore()",
    ],
    "policies": [
        "ALTER TABLE shelves ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_rows ON shelves USING (true)",
        "CREATE POLICY no_deletion ON shelves AS RESTRICTIVE FOR DELETE USING (false)",
    ],
}


@pytest.mark.parametrize("by", IGNORED)
def test_write_that_the_database_ignores_is_a_conflict(isolated_library: Library, by: str) -> None:
    """No row is written, and there is no error of PostgreSQL."""
    path = f"/api/shelves/{isolated_library.add_shelf('novels')}"
    for statement in IGNORED[by]:
        isolated_library.sql(statement)
    shelf = {"name": "Poems", "slug": "poems"}

    responses = [isolated_library.delete(path)]
    if by == "trigger":
        responses += [
            isolated_library.patch(path, shelf),
            isolated_library.put(path, shelf),
            isolated_library.post("/api/shelves", shelf),
            isolated_library.post("/api/shelves", shelf, idempotency_key="k"),
            isolated_library.post("/api/shelves", shelf, idempotency_key="k"),
        ]

    assert [(each.status, each.code) for each in responses] == [(409, "conflict")] * len(responses)
    stale = isolated_library.delete(path, if_match='"0"')
    assert (stale.status, stale.code) == (412, "stale_version")
    assert isolated_library.get(path).status == 200
