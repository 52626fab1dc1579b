"""Pages of this machine alone: GraphiQL at /graphiql, from files that lie beside. Nothing is loaded from elsewhere."""

import gzip
from functools import cache
from pathlib import Path

from local.http1 import Request, Response

FOLDER = Path(__file__).parent / "graphiql"
ROOT = "/graphiql"
FILES = {  # as it is asked for → its media type; what is packed here is packed on the wire
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "graphiql.min.js": "text/javascript; charset=utf-8",
    "graphiql.min.css": "text/css; charset=utf-8",
    "react.production.min.js": "text/javascript; charset=utf-8",
    "react-dom.production.min.js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src 'self' data:; "
    "connect-src 'self'"
)


def page(request: Request) -> Response | None:
    """What GraphiQL's page and files are; None where something else is meant."""
    path = request.target.partition("?")[0]
    name = "index.html" if path in (ROOT, f"{ROOT}/") else path.removeprefix(f"{ROOT}/")
    if name not in FILES or not path.startswith(ROOT) or request.method not in ("GET", "HEAD"):
        return None
    body = _packed(name)
    headers = [("content-type", FILES[name]), ("content-security-policy", POLICY), ("cache-control", "no-cache")]
    if "gzip" in request.header("accept-encoding"):
        return Response(200, [*headers, ("content-encoding", "gzip")], body)
    return Response(200, headers, gzip.decompress(body))


@cache
def _packed(name: str) -> bytes:
    packed = FOLDER / f"{name}.gz"
    return packed.read_bytes() if packed.exists() else gzip.compress((FOLDER / name).read_bytes(), mtime=0)
