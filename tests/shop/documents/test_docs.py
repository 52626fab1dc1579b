"""Documents agree with the code: the map of the folders, the named files, docs/errors.md."""

import re
import subprocess
from pathlib import Path

from scripts.openapi_errors import TENANT_ERRORS
from tests.conventions.test_named_files import missing_files
from tests.conventions.test_openapi import error_codes
from tests.fixtures.client import HANDLERS

ROOT = Path(__file__).parents[3]


def test_error_codes_are_documented() -> None:
    table = dict(
        re.findall(
            r"^\| `(\w+)` \| (\d+) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE
        )
    )

    codes = error_codes() | {kind.code: kind.status for kind in TENANT_ERRORS}
    assert table == {code: str(status) for code, status in codes.items()}


def test_map_names_each_top_level_entry() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    drawn = text.split("<!-- map -->")[1].split("<!-- /map -->")[0]
    named = set(re.findall(r"[\w.-]+", drawn))
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    top_level = {path.split("/")[0] for path in listed.stdout.split()}

    assert {entry for entry in top_level if not entry.startswith(".")} - named == set()


def test_files_named_in_documents_exist() -> None:
    assert missing_files(".md") == set()


def test_scopes_match_the_documentation() -> None:
    routes = [
        route
        for api in HANDLERS.values()
        for route in api.routes
        if route.path != "/api/graphql"  # its fields have scopes, not the route
    ]
    documented = re.findall(
        r"^\| `(\w+):read`.*? \| ([a-z, ]+?),? (?:but for: )?\|$",
        (ROOT / "docs/api.md").read_text(),
        re.M,
    )
    needed = {route.path.split("/")[2]: route.scope.split(":")[0] for route in routes}

    assert needed == {name: scope for scope, names in documented for name in names.split(", ")}, (
        "the table in docs/api.md"
    )
    custom = {
        o.path for o in routes if o.scope == "analytics:query"
    }  # the client writes the SQL, so it is neither :read nor :write
    assert custom == {"/api/analytics/query"}
    assert {
        o.scope.split(":")[1] for o in routes if o.method == "GET" and o.path not in custom
    } == {"read"}
    assert {
        o.scope.split(":")[1] for o in routes if o.method != "GET" and o.path not in custom
    } == {"write"}
