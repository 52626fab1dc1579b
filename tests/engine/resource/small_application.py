"""An application of a few resources, whose declarations and tables stand in the test."""

from typing import Any

from sluice.http.resource_routes import resource_api
from sluice.resource import Resource
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.client import ADMIN, ApiResponse, http_event, lambda_context
from tests.fixtures.sample import Library


class SmallApplication:
    """Sends requests to resources, whose tables it creates in an empty database."""

    def __init__(self, library: Library, tables: str, *resources: Resource) -> None:
        library.sql(tables)
        library.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO sluice_app")
        self._repositories = {
            each.name: type(each.name.title(), (ResourceRepository,), {"resource": each})
            for each in resources
        }
        find = self._repositories.__getitem__
        self.apis = {
            name: resource_api(each, find=find) for name, each in self._repositories.items()
        }

    def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        /,
        raw: bytes | None = None,
        **headers: str,
    ) -> ApiResponse:
        """Send a request. `target` is the path below /api, such as `things?limit=1`."""
        event = http_event(method, f"/api/{target}", body, raw, {**ADMIN, **headers})
        name = target.partition("?")[0].partition("/")[0]
        response = self.apis[name](event, lambda_context())
        return ApiResponse(response["statusCode"], response["headers"], response["body"] or "")

    def post(self, target: str, body: Any, **headers: str) -> str:
        """Add a row, and return its path below /api."""
        response = self.call("POST", target, body, **headers)
        assert response.status == 201, response.text
        return response.headers["Location"].removeprefix("/api/")

    def rows(self, target: str) -> list[dict[str, Any]]:
        """Return the rows of a list."""
        response = self.call("GET", target)
        assert response.status == 200, response.text
        rows: list[dict[str, Any]] = response.json["data"]
        return rows
