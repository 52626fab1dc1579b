"""Serve the console's data below /console: live data, requests, statements, keys and imports.

Only the console's page may use it: the gateway rejects foreign hosts, and this module every
request that a browser sends for another page, even one of this machine on another port.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs

from local.console.explain import Explainer, ExplainError, is_explainable
from local.console.import_files import ImportFileError, ImportFiles
from local.console.key_service import KeyService
from local.console.live_data import LiveData
from local.console.metrics import RETENTION_SECONDS
from local.console.request_log import MAX_REQUESTS, RequestLog, detail, summary
from local.console.statement_totals import StatementTotals
from local.console.tenant_list import TenantList, TenantListError
from local.http1 import HttpError, HttpRequest, HttpResponse
from local.invocation_trace import TracedStatement
from local.key_table import ApiKeyError

ROOT = "/console/"
SAME_ORIGIN = ("", "same-origin", "none")  # Sec-Fetch-Site; a browser sends none for a typed URL
EXPECTED_ERRORS = (ApiKeyError, ExplainError, ImportFileError, TenantListError)

Parameters = Mapping[str, list[str]]
ServerStatements = Callable[[], list[dict[str, Any]]]
Route = Callable[[HttpRequest, Parameters, str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """What the console shows and does. `server_statements` is None for a server of the user."""

    live: LiveData
    requests: RequestLog
    statements: StatementTotals
    explainer: Explainer
    keys: KeyService
    tenants: TenantList
    files: ImportFiles
    server_statements: ServerStatements | None = None


class ConsoleApi:
    """Answers the requests of the console's page."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._routes: dict[tuple[str, str], Route] = {
            ("GET", "data"): self._data,
            ("GET", "requests"): self._requests,
            ("GET", "requests/{id}"): self._request,
            ("GET", "statements"): self._statements,
            ("POST", "explain"): self._explain,
            ("GET", "keys"): self._keys,
            ("POST", "keys"): self._create_key,
            ("GET", "tenants"): self._tenants,
            ("POST", "keys/{id}/rotate"): self._rotate_key,
            ("POST", "keys/{id}/revoke"): self._revoke_key,
            ("PUT", "upload"): self._upload,
            ("GET", "rejected-rows"): self._rejected_rows,
        }

    def page(self, request: HttpRequest) -> Awaitable[HttpResponse] | None:
        """Return the response, or None for a path or a method that is none of the console's."""
        path, _, query = request.target.partition("?")
        found = self._find(request.method, path)
        return None if found is None else self._respond(request, parse_qs(query), *found)

    def _find(self, method: str, path: str) -> tuple[Route, str] | None:
        if not path.startswith(ROOT):
            return None
        first, *rest = path.removeprefix(ROOT).split("/")
        key_id = rest[0] if rest else ""
        pattern = "/".join([first, *(["{id}"] if rest else []), *rest[1:]])
        route = self._routes.get((method, pattern))
        return None if route is None else (route, key_id)

    async def _respond(
        self, request: HttpRequest, parameters: Parameters, route: Route, key_id: str
    ) -> HttpResponse:
        try:
            _require_same_origin(request)
            document = await route(request, parameters, key_id)
        except HttpError as error:
            return HttpResponse.message(error.status, str(error))
        except EXPECTED_ERRORS as error:
            return HttpResponse.message(400, str(error))
        headers = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("vary", "Origin"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
        ]
        body = json.dumps(document, separators=(",", ":"), default=str).encode()
        return HttpResponse(200, headers, body)

    async def _data(self, request: HttpRequest, parameters: Parameters, _: str) -> object:
        """`after`: the Unix time up to which the page has the data; `window`: of the routes."""
        after = _number(parameters, "after", 0)
        window = _number(parameters, "window", RETENTION_SECONDS)
        return self._parts.live.document(after, window)

    async def _requests(self, request: HttpRequest, parameters: Parameters, _: str) -> object:
        limit = _number(parameters, "limit", MAX_REQUESTS)
        newest = self._parts.requests.newest(_text(parameters, "route"), limit)
        return {"requests": [summary(each) for each in newest]}

    async def _request(self, request: HttpRequest, parameters: Parameters, id: str) -> object:
        logged = self._parts.requests.find(id)
        if logged is None:
            raise HttpError(404, "The console does not keep this request any more")
        document = detail(logged)
        traced = zip(document["traced"], logged.trace.statements, strict=True)  # type: ignore[call-overload]
        for row, statement in traced:
            row["explainable"] = is_explainable(statement)
        return document

    async def _statements(self, request: HttpRequest, parameters: Parameters, _: str) -> object:
        rows = self._parts.statements.rows()
        for row in rows:
            slowest = self._parts.statements.find(str(row["sql"]))
            row["explainable"] = slowest is not None and is_explainable(slowest)
        server = None
        if self._parts.server_statements is not None:
            server = await asyncio.to_thread(self._parts.server_statements)
        return {"console": rows, "dropped": self._parts.statements.dropped, "server": server}

    async def _explain(self, request: HttpRequest, parameters: Parameters, _: str) -> object:
        """Explain a statement that is kept here. The page never sends SQL, only what names it."""
        statement = self._named_statement(_json(request))
        plan = await asyncio.to_thread(self._parts.explainer.explain, statement)
        return asdict(plan)

    def _named_statement(self, body: Mapping[str, Any]) -> TracedStatement:
        statement = None
        logged = self._parts.requests.find(str(body.get("request")))
        position = body.get("position")
        if "sql" in body:
            statement = self._parts.statements.find(str(body["sql"]))
        elif logged is not None and isinstance(position, int):
            statements = logged.trace.statements
            statement = statements[position] if 0 <= position < len(statements) else None
        if statement is None:
            raise HttpError(404, "The console does not keep this statement any more")
        return statement

    async def _keys(self, request: HttpRequest, parameters: Parameters, _: str) -> object:
        return await asyncio.to_thread(self._parts.keys.list)

    async def _tenants(self, request: HttpRequest, parameters: Parameters, _: str) -> object:
        return await asyncio.to_thread(self._parts.tenants.tenants)

    async def _create_key(self, request: HttpRequest, parameters: Parameters, _: str) -> object:
        return await asyncio.to_thread(self._parts.keys.create, _json(request))

    async def _rotate_key(self, request: HttpRequest, parameters: Parameters, id: str) -> object:
        return await asyncio.to_thread(self._parts.keys.rotate, id)

    async def _revoke_key(self, request: HttpRequest, parameters: Parameters, id: str) -> object:
        return await asyncio.to_thread(self._parts.keys.revoke, id)

    async def _upload(self, request: HttpRequest, parameters: Parameters, _: str) -> object:
        url = _text(parameters, "url")
        await asyncio.to_thread(self._parts.files.upload, url, request.body)
        return {}

    async def _rejected_rows(self, request: HttpRequest, parameters: Parameters, _: str) -> object:
        url = _text(parameters, "url")
        return {"rows": await asyncio.to_thread(self._parts.files.rejected_rows, url)}


def _require_same_origin(request: HttpRequest) -> None:
    """Raise HttpError 403 if a browser sent the request for another page than the console."""
    origin, site = request.header("origin"), request.header("sec-fetch-site").lower()
    if site not in SAME_ORIGIN or origin not in ("", f"http://{request.header('host')}"):
        raise HttpError(403, "Only the console's page may use this")


def _number(parameters: Parameters, name: str, default: int) -> int:
    value = parameters.get(name, [str(default)])[0]
    if not re.fullmatch(r"\d{1,12}", value, re.ASCII):
        raise HttpError(400, f"{name} must be a whole number")
    return int(value)


def _text(parameters: Parameters, name: str) -> str:
    return parameters.get(name, [""])[0]


def _json(request: HttpRequest) -> dict[str, Any]:
    try:
        document = json.loads(request.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise HttpError(400, "The body must be a JSON object")
    return document
