"""The handler of a function that serves a group of resources.

    handler = group("sales")

The registry says which resources a group has. Each has an Api of its own, so a function imports
only the declarations of resources that are requested.
"""

from collections.abc import Mapping
from typing import Any

from sluice import application, runtime
from sluice.http.resource_routes import resource_api
from sluice.http.route import RouteSpec
from sluice.http.router import Api
from sluice.settings import initialization_type

# With these, Lambda initialises a function before there is a request.
EARLY_INITIALIZATION = ("snap-start", "provisioned-concurrency")


def group(name: str) -> "Api | Group":
    """Return the handler of a group: the Api of its resource, or a Group of several."""
    resources = tuple(application.current().registry.GROUPS[name])
    return api_of(resources[0]) if len(resources) == 1 else Group(resources)


def api_of(resource: str) -> Api:
    """Return the routes of a resource: those by hand, or else those of its declaration."""
    registry = application.current().registry
    if resource in registry.ROUTES:
        api: Api = application.load(registry.ROUTES[resource])
        return api
    return resource_api(application.load(registry.REPOSITORIES[resource]))


class Group:
    """The handler of several resources. The Api of each is made by its first request.

    With SnapStart or provisioned concurrency all are made when the function is initialised.
    """

    def __init__(self, resources: tuple[str, ...]) -> None:
        self._resources = resources
        self._apis: dict[str, Api] = {}
        # It authenticates and counts the client of an unknown path, before the 404.
        self._without_routes = Api(runtime=runtime.current, authenticate_only=True)
        if initialization_type() in EARLY_INITIALIZATION:
            self._load_all()

    def __call__(self, event: Mapping[str, Any], lambda_context: Any) -> dict[str, Any]:
        """Handle an HTTP API event by the Api of the resource that its path names."""
        return self.api_for(event["rawPath"])(event, lambda_context)

    def api_for(self, path: str) -> Api:
        """Return the Api for a path such as /api/deals/3."""
        resource = path.removeprefix("/api/").split("/")[0]
        if resource not in self._resources or not path.startswith("/api/"):
            return self._without_routes
        if resource not in self._apis:
            self._apis[resource] = api_of(resource)
        return self._apis[resource]

    @property
    def routes(self) -> list[RouteSpec]:
        """The routes of all resources, for openapi.json and the tests."""
        return [route for api in self._load_all() for route in api.routes]

    def _load_all(self) -> list[Api]:
        return [self.api_for(f"/api/{resource}") for resource in self._resources]
