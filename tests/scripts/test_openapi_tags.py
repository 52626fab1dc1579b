"""The resources of a group have tags of their own in openapi.json."""

from scripts.openapi_tags import by_resource
from sluice.http.route import RouteSpec, ids_of


def route(path: str) -> RouteSpec:
    return RouteSpec("GET", path, "get", "Get.", None, "", ids_of(path))


def test_routes_of_a_group_are_split_by_resource() -> None:
    paths = ["/api/loans", "/api/loans/<id>", "/api/loan_fees", "/api/loans/<id>/notes"]
    resources = {
        "loans": ("/api/loans", "/api/loans/{id}"),
        "loan_fees": ("/api/loan_fees", "/api/loan_fees/{id}"),
    }
    found = by_resource([route(path) for path in paths], resources)

    assert [each.path for each in found["loans"]] == [paths[0], paths[1], paths[3]]
    assert [each.path for each in found["loan_fees"]] == [paths[2]]
