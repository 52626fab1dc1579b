"""The routes that a declaration makes."""

from typing import Any

import pytest

from sluice.errors import ValidationFailed
from sluice.http.body import body_of_changes, body_of_new
from sluice.http.resource_routes import resource_api
from sluice.http.router import Api
from sluice.kinds.field import DeclarationError
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.text import Slug, Text
from sluice.resource import Many, Resource
from sluice.sql.resource_repository import ResourceRepository


def api_of(
    *, texts: dict[str, str] | None = None, without: tuple[str, ...] = (), **declared: Any
) -> Api:
    class LoanRepository(ResourceRepository):
        resource = resource_of(**declared)

    return resource_api(LoanRepository, texts=texts or {}, without=without)


def resource_of(**changed: Any) -> Resource:
    declared: dict[str, Any] = {
        "name": "loans",
        "singular": "loan",
        "table": "public.loans",
        "group": "loans",
        "scope": "library",
        "key": BigInt("id", minimum=1, read_only=True),
        "fields": [
            Text("title", min_length=1, unique=True),
            Slug("slug", optional=True, create_only=True),
            Text("note", nullable=True),
            Integer("copies", default=1),
            Integer("version", read_only=True),
        ],
    }
    return Resource(**{**declared, **changed})


def test_each_write_has_a_route() -> None:
    routes = api_of().routes

    assert [(route.method, route.path, route.name, route.scope) for route in routes] == [
        ("GET", "/api/loans", "list_loans", "library:read"),
        ("POST", "/api/loans", "create_loan", "library:write"),
        ("GET", "/api/loans/<id>", "get_loan", "library:read"),
        ("PUT", "/api/loans/<id>", "replace_loan", "library:write"),
        ("PATCH", "/api/loans/<id>", "update_loan", "library:write"),
        ("DELETE", "/api/loans/<id>", "delete_loan", "library:write"),
    ]
    assert [route.idempotent for route in routes] == [False, True, False, False, False, False]


def test_read_only_resource_has_two_routes() -> None:
    assert [route.name for route in api_of(writes=[]).routes] == ["list_loans", "get_loan"]


def test_path_has_the_key() -> None:
    routes = api_of(key=Integer("number")).routes

    assert routes[2].path == "/api/loans/<number>"
    assert isinstance(routes[2].path_fields["number"], Integer)
    assert routes[0].path_fields == {}


def test_route_may_be_declared_by_hand() -> None:
    api = api_of(without=("create_loan",))

    assert "create_loan" not in [route.name for route in api.routes]


@pytest.mark.parametrize("argument", ["texts", "without"])
def test_unknown_routes_are_rejected(argument: str) -> None:
    named: Any = {"texts": {"create_book": "Create."}, "without": ("create_book",)}[argument]
    with pytest.raises(DeclarationError, match="loans has no route create_book"):
        api_of(**{argument: named})


@pytest.mark.parametrize(
    ("declared", "texts"),
    [
        (
            {
                "fields": [Text("title")],
                "relations": [Many("late_fees", "fees", "loan_id", rest=False)],
            },
            [
                "List loans.",
                "Create a loan.",
                "Get a loan.",
                "Replace a loan's title.",
                "Update a loan's title (JSON merge patch).",
                "Delete a loan without late fees.",
            ],
        ),
        (
            {"singular": "inter_loan", "fields": [Text("a"), Text("b_c"), Text("d")]},
            [
                "List loans.",
                "Create an inter loan.",
                "Get an inter loan.",
                "Replace an inter loan's a, b c and d.",
                "Update an inter loan's a, b c or d (JSON merge patch).",
                "Delete an inter loan.",
            ],
        ),
        (
            {"fields": [Text(name) for name in "abcd"]},
            [
                "List loans.",
                "Create a loan.",
                "Get a loan.",
                "Replace a loan.",
                "Update a loan (JSON merge patch).",
                "Delete a loan.",
            ],
        ),
    ],
)
def test_routes_are_described(declared: dict[str, Any], texts: list[str]) -> None:
    assert [route.text for route in api_of(**declared).routes] == texts


def test_text_of_a_route_may_be_replaced() -> None:
    api = api_of(texts={"create_loan": "Lend a book."})

    assert [route.text for route in api.routes][:2] == ["List loans.", "Lend a book."]


def test_new_row_may_leave_out_what_has_a_value() -> None:
    body = body_of_new(resource_of())

    assert list(body.fields) == ["title", "slug", "note", "copies"]
    assert body.required("POST") == ["title"]
    assert body.read_only == ["id", "version"]
    assert body.read_body({"title": "Emma", "version": 7}, "POST") == {"title": "Emma"}


def test_change_ignores_what_only_a_post_may_set() -> None:
    body = body_of_changes(resource_of())

    assert body.required("PUT") == ["title", "note", "copies"]
    assert body.required("PATCH") == ()
    assert body.read_body({"slug": "emma", "copies": 2}, "PATCH") == {"copies": 2}
    with pytest.raises(ValidationFailed, match="/colour is not a known field"):
        body.read_body({"colour": "red"}, "PATCH")
