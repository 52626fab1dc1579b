"""Example paths of the API: methods by path, and routes with a request body."""

import json
import re

from tests.fixtures.resources import RESOURCES, resource_routes
from tests.fixtures.template import ROOT

OPENAPI_PATHS = json.loads((ROOT / "openapi.json").read_text())["paths"]

# The documents are left out, because they allow any origin.
ALLOWED_METHODS = {
    re.sub(r"{\w+}", "1", path): ", ".join(sorted({"HEAD", "OPTIONS", *map(str.upper, methods)}))
    for path, methods in OPENAPI_PATHS.items()
    if "get" in methods and not path.startswith(("/docs", "/openapi"))
}
BODY_ROUTES = [
    (route.method, re.sub(r"<\w+>", "1", route.path))
    for name in RESOURCES
    for route in resource_routes(name)
    if route.body
]
