"""Names for clients."""

import pytest

from catalog.names import module_name, singular, snake_case, unique


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("artist", "artist"),
        ("InvoiceLine", "invoice_line"),
        ("Order Lines", "order_lines"),
        ("HTTPServer", "http_server"),
        ("größe", "grosse"),
        ("1st", "n_1st"),
        ("%", "n"),
        ("__x__", "x"),
    ],
)
def test_name_becomes_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


@pytest.mark.parametrize(
    ("plural", "expected"),
    [
        *(("deals", "deal"), ("order_lines", "order_line"), ("categories", "category")),
        *(("addresses", "address"), ("statuses", "status"), ("houses", "house")),
        *(("analyses", "analysis"), ("boxes", "box"), ("people", "person"), ("movies", "movie")),
        *(("artist", "artist"), ("news", "news"), ("address", "address"), ("status", "status")),
    ],
)
def test_singular_of_a_regular_plural(plural: str, expected: str) -> None:
    assert singular(plural) == expected


def test_taken_name_has_an_alternative_or_a_number() -> None:
    assert unique("a", {"a"}, "b") == "b"
    assert unique("a", {"a", "b", "a_2"}, "b") == "a_3"
    assert len(unique("a" * 63, {"a" * 63})) == 63


def test_module_is_no_keyword_and_no_module_of_an_application() -> None:
    assert module_name("class") == "class_table"
    assert module_name("registry") == "registry_table"
    assert module_name("deals") == "deals"
