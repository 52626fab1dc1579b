"""The resources of a group have tags of their own, and each route a name of its own."""

import pytest

from scripts.openapi_tags import Tag, by_resource, require_unique_names, tag_of
from sluice.http.route import RouteSpec, ids_of
from sluice.kinds.field import DeclarationError


def route(path: str, name: str = "get") -> RouteSpec:
    return RouteSpec("GET", path, name, "Get.", None, "", ids_of(path))


def test_routes_of_a_group_are_split_by_resource() -> None:
    paths = ["/api/loans", "/api/loans/<id>", "/api/loan_fees", "/api/loans/<id>/notes"]
    resources = {
        "loans": ("/api/loans", "/api/loans/{id}"),
        "loan_fees": ("/api/loan_fees", "/api/loan_fees/{id}"),
    }
    found = by_resource([route(path) for path in paths], resources)

    assert [each.path for each in found["loans"]] == [paths[0], paths[1], paths[3]]
    assert [each.path for each in found["loan_fees"]] == [paths[2]]


def test_function_and_resource_of_one_name_have_two_tags() -> None:
    """A table may be named health or docs. OpenAPI's tags are unique."""
    assert tag_of("health", {"health", "loans"}) == "health of Sluice"
    assert tag_of("health", {"loans"}) == "health"


def test_two_routes_of_one_name_are_refused() -> None:
    tags = [Tag("a", "", [route("/api/a"), route("/api/b", "other")]), Tag("c", "", [])]
    require_unique_names(tags)
    tags.append(Tag("c", "", [route("/api/c/<id>")]))

    with pytest.raises(DeclarationError) as raised:
        require_unique_names(tags)

    message = "the operationId get is that of GET /api/a and of GET /api/c/{id}: rename a handler"
    assert str(raised.value).startswith(message)


def test_files_of_the_page_may_have_equal_names() -> None:
    require_unique_names([Tag("docs", "", [route("/docs/page.css"), route("/docs/start.js")])])
