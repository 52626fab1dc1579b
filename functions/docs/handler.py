"""The OpenAPI document, and two pages for it: Swagger UI at /docs and RapiDoc at /reference."""

# scripts/openapi.py generates the document. Swagger UI's files come with Powertools in the layer,
# so their version is pinned with it. RapiDoc is in this folder (LICENSES.md). The pages load
# nothing from other sites.

import gzip
import json
from base64 import b64decode, b64encode
from functools import cache
from pathlib import Path

from sluice.http.headers import accepts_gzip
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.http.router import Api
from sluice.settings import local_api_keys

HERE = Path(__file__).parent
OPENAPI = HERE / "openapi.json"
RAPIDOC = HERE / "rapidoc-min.js.gz.base64"  # as a response needs it

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
{head}<link rel="stylesheet" href="docs/page.css">
</head>
<body>
<nav aria-label="Pages">{links}</nav>
{body}
</body>
</html>
"""
TRY = """<main id="swagger-ui"></main>
<script src="docs/swagger-ui.js"></script>
<script type="module" src="docs/start.js"></script>"""
READ = """<main><rapi-doc
  render-style="read" load-fonts="false" show-header="false" allow-try="false"
  allow-authentication="false" allow-server-selection="false" allow-spec-url-load="false"
  allow-spec-file-load="false" allow-spec-file-download="false" schema-style="table"
  show-method-in-nav-bar="as-plain-text" use-path-in-nav-bar="false"></rapi-doc></main>
<script type="module" src="docs/reference.js"></script>"""
LINKS = {"docs": "Try requests", "reference": "Reference", "openapi.json": "openapi.json"}
LOCAL_LINKS = {"./": "Home"} | LINKS | {"graphiql": "GraphQL", "console": "Console"}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)

handler = api = Api(cors_origins=("*",))  # the document is public


@api.get("/openapi.json", response="application/json")
def openapi(request: Request) -> Response:
    """Get this OpenAPI document."""
    return _file(request, "application/json", _document(local_api_keys()))


@api.get("/docs", response="text/html")
def page(request: Request) -> Response:
    """Browse this document and try requests."""
    head = '<link rel="stylesheet" href="docs/swagger-ui.css">\n'
    return _page(request, "docs", "Sluice API", TRY, head)


@api.get("/reference", response="text/html")
def reference(request: Request) -> Response:
    """Read this document as a reference."""
    return _page(request, "reference", "Sluice API reference", READ)


@api.get("/docs/start.js", response="text/javascript")
def start(request: Request) -> Response:
    return _file(request, "text/javascript; charset=utf-8", _gzipped(HERE / "start.js"))


@api.get("/docs/reference.js", response="text/javascript")
def reference_script(request: Request) -> Response:
    return _file(request, "text/javascript; charset=utf-8", _gzipped(HERE / "reference.js"))


@api.get("/docs/page.css", response="text/css")
def page_style(request: Request) -> Response:
    return _file(request, "text/css; charset=utf-8", _gzipped(HERE / "page.css"))


@api.get("/docs/rapidoc.js", response="text/javascript")
def rapidoc(request: Request) -> Response:
    return _file(request, "text/javascript; charset=utf-8", _rapidoc())


@api.get("/docs/swagger-ui.js", response="text/javascript")
def script(request: Request) -> Response:
    return _file(
        request,
        "text/javascript; charset=utf-8",
        _gzipped(_swagger_ui() / "swagger-ui-bundle.min.js"),
    )


@api.get("/docs/swagger-ui.css", response="text/css")
def style(request: Request) -> Response:
    return _file(request, "text/css; charset=utf-8", _gzipped(_swagger_ui() / "swagger-ui.min.css"))


def _page(request: Request, path: str, title: str, body: str, head: str = "") -> Response:
    """Return an HTML page. GraphiQL and the console are on the local system only."""
    links = "\n".join(
        f'<a href="{target}"{" aria-current=page" if target == path else ""}>{text}</a>'
        for target, text in (LOCAL_LINKS if local_api_keys() else LINKS).items()
    )
    text = PAGE.format(title=title, head=head, links=links, body=body)
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    compressed = gzip.compress(text.encode(), mtime=0)
    return _file(request, "text/html; charset=utf-8", compressed, headers)


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
def _rapidoc() -> bytes:
    return b64decode(RAPIDOC.read_bytes())


@cache
def _swagger_ui() -> Path:
    """Return the folder with the files of Swagger UI, without an import of Powertools."""
    from importlib.metadata import distribution  # for two paths only, and it takes 10 ms

    powertools = distribution("aws-lambda-powertools")
    return Path(
        str(powertools.locate_file("aws_lambda_powertools/event_handler/openapi/swagger_ui"))
    )


@cache
def _gzipped(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)


def _file(
    request: Request, media_type: str, gzipped: bytes, headers: dict[str, str] | None = None
) -> Response:
    """Return a file, gzipped if the client accepts that.

    Swagger UI's script has 1.5 MB, or a third of that gzipped. Lambda's limit is 6 MB.
    """
    headers = {**(headers or {}), "Cache-Control": "public, max-age=300", "Vary": "Accept-Encoding"}
    if not accepts_gzip(request):
        return Response(200, media_type, gzip.decompress(gzipped).decode(), headers)
    return Response(
        200,
        media_type,
        b64encode(gzipped).decode(),
        {**headers, "Content-Encoding": "gzip"},
        base64_encoded=True,
    )
