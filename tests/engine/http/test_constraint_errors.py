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
