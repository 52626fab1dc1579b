"""/openapi.json: the OpenAPI document; /docs: Swagger UI for it.

scripts/openapi.py generates the document. Swagger UI's files come with Powertools in the layer, so
their version is pinned with it, and the page loads nothing from other sites.
"""

import gzip
import json
from base64 import b64encode
from functools import cache
from pathlib import Path

from aws_lambda_powertools import event_handler
from aws_lambda_powertools.event_handler import Response

from sluice.http.headers import accepts_gzip
from sluice.http.request import Request
from sluice.http.router import Api
from sluice.settings import local_api_keys

OPENAPI = Path(__file__).parent / "openapi.json"
SWAGGER_UI = Path(event_handler.__file__).parent / "openapi/swagger_ui"

PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sluice API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui.js"></script>
<script type="module" src="docs/start.js"></script>
</body>
</html>
"""
START = Path(__file__).parent / "start.js"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)

handler = api = Api(cors_origins=("*",))  # the document is public


@api.get("/openapi.json", response="application/json")
def openapi(request: Request) -> Response[str]:
    """Get this OpenAPI document."""
    return _file(request, "application/json", _document(local_api_keys()))


@api.get("/docs", response="text/html")
def page(request: Request) -> Response[str]:
    """Browse this document and try requests."""
    return _file(
        request,
        "text/html; charset=utf-8",
        gzip.compress(PAGE, mtime=0),
        {"Content-Security-Policy": CONTENT_SECURITY_POLICY},
    )


@api.get("/docs/start.js", response="text/javascript")
def start(request: Request) -> Response[str]:
    return _file(request, "text/javascript; charset=utf-8", _gzipped(START))


@api.get("/docs/swagger-ui.js", response="text/javascript")
def script(request: Request) -> Response[str]:
    return _file(
        request, "text/javascript; charset=utf-8", _gzipped(SWAGGER_UI / "swagger-ui-bundle.min.js")
    )


@api.get("/docs/swagger-ui.css", response="text/css")
def style(request: Request) -> Response[str]:
    return _file(request, "text/css; charset=utf-8", _gzipped(SWAGGER_UI / "swagger-ui.min.css"))


@cache
def _document(keys: str) -> bytes:
    """Return the gzipped document. The local system adds its API keys; /docs uses the first."""
    if not keys:
        return _gzipped(OPENAPI)
    document = json.loads(OPENAPI.read_text())
    document["components"]["securitySchemes"]["apiKey"] |= {
        "description": f"This machine's keys: {keys}.",
        "x-local-key": keys.partition(":")[0],
    }
    return gzip.compress(json.dumps(document).encode(), mtime=0)


@cache
def _gzipped(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)


def _file(
    request: Request, media_type: str, gzipped: bytes, headers: dict[str, str] | None = None
) -> Response[str]:
    """Return a file, gzipped if the client accepts that.

    Swagger UI's script has 1.5 MB, or a third of that gzipped. Lambda's limit is 6 MB.
    """
    headers = {**(headers or {}), "Cache-Control": "public, max-age=300", "Vary": "Accept-Encoding"}
    if not accepts_gzip(request):
        return Response(200, media_type, gzip.decompress(gzipped).decode(), headers)
    response = Response(
        200, media_type, b64encode(gzipped).decode(), {**headers, "Content-Encoding": "gzip"}
    )
    response.base64_encoded = True  # set here, because the resolver would serialize bytes as JSON
    return response
