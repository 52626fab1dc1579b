"""Serve the pages of the local system from files: /, /console, and GraphiQL at /graphiql.

The pages load nothing from other servers. Their examples are the application's.
"""

import gzip
from functools import cache
from pathlib import Path

from local.http1 import HttpRequest, HttpResponse
from scripts import examples
from sluice import application
from sluice.http.accept import accepts_gzip

HERE = Path(__file__).parent
PAGE_FOLDERS = {
    "/": HERE / "home",
    "/home": HERE / "home",  # its files
    "/graphiql": HERE / "graphiql",
    "/console": HERE / "console" / "page",
}
CONTENT_TYPES = {  # files of other types, such as LICENSES.md, are not served
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
OF_APPLICATION = {
    "/home/application.txt": lambda: application.current().name,
    "/graphiql/first_query.graphql": examples.graphiql,
    "/console/first_request.txt": examples.first_request,
}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
# The console has no inline style, and loads no font. It shows texts of clients and of logs.
CONSOLE_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@cache
def page_files(root: str) -> dict[str, Path]:
    """Return the files under `root` by their name in URLs, which lacks the suffix .gz."""
    paths = {path.name.removesuffix(".gz"): path for path in PAGE_FOLDERS[root].iterdir()}
    return {name: path for name, path in paths.items() if Path(name).suffix in CONTENT_TYPES}


def security_policy(root: str) -> str:
    """Return the Content-Security-Policy of the pages below `root`."""
    return CONSOLE_SECURITY_POLICY if root == "/console" else CONTENT_SECURITY_POLICY


def serve_page(request: HttpRequest) -> HttpResponse | None:
    """Return a page or one of its files, or None for another path or method."""
    root, _, name = request.target.partition("?")[0].removeprefix("/").partition("/")
    root, name = f"/{root}", name or "index.html"
    if root not in PAGE_FOLDERS or request.method not in ("GET", "HEAD"):
        return None
    if f"{root}/{name}" in OF_APPLICATION:
        body, kind = _example(f"{root}/{name}"), "text/plain; charset=utf-8"
    elif name in page_files(root):
        body, kind = _compressed(page_files(root)[name]), CONTENT_TYPES[Path(name).suffix]
    else:
        return None
    headers = [
        ("content-type", kind),
        ("content-security-policy", security_policy(root)),
        ("cache-control", "no-cache"),
        ("vary", "Accept-Encoding"),
    ]
    if accepts_gzip(request.header("accept-encoding")):
        return HttpResponse(200, [*headers, ("content-encoding", "gzip")], body)
    return HttpResponse(200, headers, gzip.decompress(body))


@cache
def _compressed(path: Path) -> bytes:
    return path.read_bytes() if path.suffix == ".gz" else gzip.compress(path.read_bytes(), mtime=0)


@cache
def _example(path: str) -> bytes:
    return gzip.compress(OF_APPLICATION[path]().encode(), mtime=0)
