"""Pages of this machine alone, from files that lie beside: GraphiQL at /graphiql, our own at / and /console.

Nothing is loaded from elsewhere.
"""

import gzip
from functools import cache
from pathlib import Path

from local.http1 import Request, Response

HERE = Path(__file__).parent
FOLDERS = {"/": HERE / "home", "/graphiql": HERE / "graphiql", "/console": HERE / "dashboard"}
TYPES = {  # of every file that is given out; LICENSES.md is not
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)


@cache
def files(root: str) -> dict[str, Path]:
    """What there is under `root`, by the name it is asked for; what is packed here (.gz) is packed on the wire."""
    found = {path.name.removesuffix(".gz"): path for path in FOLDERS[root].iterdir()}
    return {name: path for name, path in found.items() if Path(name).suffix in TYPES}


def page(request: Request) -> Response | None:
    """A page, or a file of it; None where something else is meant."""
    root, _, name = request.target.partition("?")[0].removeprefix("/").partition("/")
    root, name = f"/{root}", name or "index.html"
    if root not in FOLDERS or name not in files(root) or request.method not in ("GET", "HEAD"):
        return None
    body = _packed(files(root)[name])
    kind = TYPES[Path(name).suffix]
    headers = [
        ("content-type", kind),
        ("content-security-policy", POLICY),
        ("cache-control", "no-cache"),
        ("vary", "Accept-Encoding"),
    ]
    if "gzip" in request.header("accept-encoding"):
        return Response(200, [*headers, ("content-encoding", "gzip")], body)
    return Response(200, headers, gzip.decompress(body))


@cache
def _packed(path: Path) -> bytes:
    return path.read_bytes() if path.suffix == ".gz" else gzip.compress(path.read_bytes(), mtime=0)
