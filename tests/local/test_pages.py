"""The pages of the local system: home, GraphiQL, the console, and the examples of /docs."""

import http.client
import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from local.api_keys import LOCAL_KEYS
from local.pages import CONTENT_TYPES, PAGE_FOLDERS, page_files, security_policy
from testing.local_system import LocalSystem
from tests.fixtures.template import ROOT


def fetch(system: LocalSystem, path: str, **headers: str) -> tuple[str, bytes, dict[str, str]]:
    request = urllib.request.Request(system.local_json["base_url"] + path, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return response.headers["content-type"], response.read(), dict(response.headers)


@pytest.mark.parametrize("root", [root for root in PAGE_FOLDERS if root != "/"])
def test_page_and_its_files_are_served(demo_system: LocalSystem, root: str) -> None:
    kind, page, headers = fetch(demo_system, root)
    assert (kind, headers["content-security-policy"]) == (
        "text/html; charset=utf-8",
        security_policy(root),
    )
    named = {
        name
        for name in re.findall(r'(?:src|href)="(/[^"]+)"', page.decode())
        if name.startswith(f"{root}/")
    }
    modules = {path for path in PAGE_FOLDERS[root].glob("*.js") if b"import {" in path.read_bytes()}
    for module in modules:
        named |= {f"{root}/{name}" for name in re.findall(r"from '\./(\S+)'", module.read_text())}
    assert {f"{root}/{name}" for name in page_files(root)} - named == {f"{root}/index.html"}
    for path in named:
        kind, body, _ = fetch(demo_system, path)
        assert (kind, bool(body)) == (CONTENT_TYPES[Path(path).suffix], True)
        assert len(fetch(demo_system, path, **{"Accept-Encoding": "gzip"})[1]) <= len(body) + 50


def test_pages_load_nothing_external() -> None:
    for root in PAGE_FOLDERS:
        assert "http" not in security_policy(root)
        for path in page_files(root).values():
            if path.suffix != ".gz":
                assert not re.search(
                    r"//\w", path.read_text().replace("http://www.w3.org/2000/svg", "")
                ), path


def test_home_page_links_to_others(demo_system: LocalSystem) -> None:
    _, page, headers = fetch(demo_system, "/")
    links = set(re.findall(r'href="(/[^"#]*)', page.decode()))
    pages = {"/docs", "/reference", "/graphiql", "/console", "/openapi.json", "/health/ready"}
    assert links == pages | {"/home/page.css"}
    for link in links:
        assert fetch(demo_system, link)[1]
    assert all(known.key in page.decode() for known in LOCAL_KEYS)
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert {headers["cache-control"], headers["vary"]} == {"no-cache", "Accept-Encoding"}


def test_docs_list_the_local_keys(demo_system: LocalSystem) -> None:
    document = json.loads(fetch(demo_system, "/openapi.json")[1])
    scheme = document["components"]["securitySchemes"]["apiKey"]
    assert scheme["x-local-key"] == "local-admin"
    assert all(known.key in scheme["description"] for known in LOCAL_KEYS)
    kept = json.loads((ROOT / "openapi.json").read_text())
    assert "local-" not in json.dumps(kept)
    kept["components"]["securitySchemes"]["apiKey"] = scheme
    assert document == kept


def send_example(system: LocalSystem, document: Any, method: str, path: str) -> tuple[int, str]:
    """Send the examples of an operation; return the status and body of the response."""
    operation = document["paths"][path][method]
    headers, query = {"X-API-Key": "local-admin"}, {}
    for parameter in operation["parameters"]:
        if "$ref" in parameter:
            parameter = document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        example = parameter.get("example", parameter["schema"].get("default"))
        if example is None:
            continue
        text = json.dumps(example) if isinstance(example, bool) else str(example)
        match parameter["in"]:
            case "path":
                path = path.replace(f"{{{parameter['name']}}}", text)
            case "query":
                query[parameter["name"]] = text
            case "header":
                headers[parameter["name"]] = text
    body = None
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        headers["Content-Type"], body = media_type, json.dumps(content["example"])
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=30)
    connection.request(method.upper(), f"{path}?{urlencode(query)}", body, headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def test_every_openapi_example_works_twice(demo_system: LocalSystem) -> None:
    document = json.loads((ROOT / "openapi.json").read_text())
    tried = 0
    for path, operations in document["paths"].items():
        for method in operations:
            if method == "delete":  # orders reference the row, and it is missing the second time
                continue
            for click in (1, 2):
                status, text = send_example(demo_system, document, method, path)
                assert status in (200, 201), (click, method, path, text)
                tried += 1
    assert tried > 60


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_docs_send_fresh_examples_and_keys() -> None:
    script = """
        import { prepare, intercept } from './functions/docs/start.js';
        import { readFileSync } from 'node:fs';
        const spec = prepare(JSON.parse(readFileSync('openapi.json')));
        const bodyOf = path => spec.paths[path].post.requestBody.content['application/json'];
        const example = path => bodyOf(path).example;
        const request = body => ({ url: '/x', headers: { 'Idempotency-Key': 'k' }, body });
        const send = body => intercept(request(body)).headers['Idempotency-Key'];
        console.log(JSON.stringify({
          examples: ['/api/products', '/api/categories', '/api/users', '/api/orders'].map(example),
          key: spec.components.parameters.IdempotencyKey.example,
          sent: ['a', 'a', 'b', 'a', 'c', 'b'].map(send),
          plain: intercept({ url: '/x', headers: {} }).headers,
        }));
    """
    run = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    results = json.loads(run.stdout)
    product, category, user, order = results["examples"]
    assert re.fullmatch(r"Sample Mug \w+", product["name"])
    assert re.fullmatch(r"sample-things-\w+", category["slug"])
    assert re.fullmatch(r"ada\.sample\+\w+@example\.com", user["email"])
    assert order["items"] == [{"product_id": 1, "quantity": 2}]
    assert results["sent"] == ["k", "k", "k-1", "k", "k-2", "k-1"]
    assert (results["key"].startswith("docs-"), results["plain"]) == (True, {})


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (1, {"minimum": 1, "maximum": 32_767}),
        ("DE", {"maxLength": 2}),
        ("ABC-1", {"pattern": "^[A-Z]{3}-[0-9]+$"}),
        ("2026-01-31", {}),
        ("2026-01-31T12:00:00.000000Z", {}),
        ("9e3779b9-7f4a-4c15-b39c-c0605cedc835", {}),
    ],
)
def test_docs_vary_each_kind_of_key(value: object, schema: dict[str, Any]) -> None:
    script = f"""
        import {{ other }} from './functions/docs/start.js';
        console.log(JSON.stringify(other({json.dumps(value)}, {json.dumps(schema)})));
    """
    command = ["node", "--input-type=module", "-e", script]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    varied = json.loads(run.stdout)
    assert (varied != value, type(varied)) == (True, type(value))
    if isinstance(value, str):
        assert len(varied) == len(value)
        assert re.fullmatch(schema.get("pattern", ".*"), varied)
    else:
        assert schema["minimum"] <= varied <= schema["maximum"]


def test_other_paths_are_not_served(demo_system: LocalSystem) -> None:
    for path in (
        "/graphiql/../pages.py",
        "/graphiql/LICENSES.md",
        "/graphiql/none",
        "/graphiqlx",
        "/console/../api.py",
    ):
        assert demo_system.request(path)[0] == 404
    assert demo_system.request("/graphiql", {})[0] == 404


def test_graphiql_is_not_deployed() -> None:
    assert "graphiql" not in (ROOT / "template.yaml").read_text()
    assert not list((ROOT / "functions").rglob("*graphiql*"))


def test_console_allows_nothing_inline(demo_system: LocalSystem) -> None:
    _, page, headers = fetch(demo_system, "/console")
    assert "unsafe" not in headers["content-security-policy"]
    assert not re.search(r"<style|style=|<script>|\son\w+=", page.decode())


@pytest.mark.parametrize("root", ["/graphiql", "/console"])
def test_every_file_has_a_licence(root: str) -> None:
    folder = PAGE_FOLDERS[root]
    licences = (folder / "LICENSES.md").read_text()
    assert [path.name for path in folder.glob("*.gz") if path.name not in licences] == []


def test_console_data_shows_requests(demo_system: LocalSystem) -> None:
    demo_system.request("/api/products?search=canary-of-the-console")
    demo_system.request("/api/products/0", x_api_key="canary-of-a-stranger")
    demo_system.request("/api/analytics/query", {"query": "select 'canary of sql'"})
    document = demo_system.request("/console/data")[1]
    routes = {each["route"]: each for each in document["routes"]}
    assert routes["GET /api/products"]["statuses"]["200"] >= 1
    assert routes["GET /api/products/{id}"]["statuses"]["401"] >= 1
    pools = [
        box["metrics"]
        for each in document["functions"]
        for box in each["sandboxes"]
        if each["name"] == "ProductsFunction"
    ]
    assert any(
        pool and (pool["size"], pool["checked_out"], pool["breaker_open"]) == (1, 1, False)
        for pool in pools
    )
    assert not re.search(r"canary|local-|select", json.dumps(document), re.IGNORECASE)
