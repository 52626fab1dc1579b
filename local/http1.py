"""An HTTP/1.1 server for the gateway and for the Runtime API of the sandboxes.

It reads whole requests, writes whole responses, keeps connections alive, and rejects requests that
are malformed, too large or too slow. It does not match routes or build Lambda events.
"""

import asyncio
import json
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
DRAIN_SECONDS = 2.0
BODILESS = frozenset({204, 304})


class HttpError(Exception):
    """Respond with `status` and `{"message": …}`. A malformed request closes the connection."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message or HTTPStatus(status).phrase)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of a request. Sizes in bytes, times in seconds; None: no limit."""

    head: int
    body: int
    idle: float | None = None  # between two requests of a connection
    head_seconds: float | None = None
    body_seconds: float | None = None


@dataclass(slots=True)
class HttpRequest:
    """A request as it was received. Header names are in lower case."""

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    peer: str = "127.0.0.1"

    def header(self, name: str) -> str:
        """Return all values of a header, joined by commas; empty if it is absent."""
        return ",".join(value for key, value in self.headers if key == name)

    @property
    def keeps_alive(self) -> bool:
        connection = self.header("connection").lower()
        if self.version == "HTTP/1.1":
            return "close" not in connection
        return "keep-alive" in connection


@dataclass(slots=True)
class HttpResponse:
    """A response. The server adds the Content-Length, Date and Connection headers."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""

    @classmethod
    def message(cls, status: int, text: str) -> "HttpResponse":
        """Return a JSON response with a message, as API Gateway sends it; not cacheable."""
        headers = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("vary", "Origin"),
        ]
        return cls(status, headers, json.dumps({"message": text}).encode())


class HttpServer:
    """Calls `handle` for each request until `stop`.

    `handle` may raise HttpError. Any other exception is a bug, which asyncio logs.
    """

    def __init__(
        self, handle: Callable[[HttpRequest], Awaitable[HttpResponse]], limits: HttpLimits
    ) -> None:
        self._handle = handle
        self._limits = limits
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket | None = None) -> int:
        """Listen on `listener`, or on a free port of 127.0.0.1, and return the port."""
        if listener is None:
            self._server = await asyncio.start_server(
                self._connected, "127.0.0.1", 0, limit=self._limits.head
            )
        else:
            self._server = await asyncio.start_server(
                self._connected, sock=listener, limit=self._limits.head
            )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close the port and every connection, also those with a request in progress."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._connections.add(task)
        # Not `await task`: if `stop` cancels it, this task would end as cancelled too, and the
        # streams of early Python 3.12 log that.
        await asyncio.wait({task})
        self._connections.discard(task)
        writer.close()
        failure = None if task.cancelled() else task.exception()
        if failure is not None and not isinstance(
            failure, (ConnectionError, asyncio.IncompleteReadError)
        ):
            raise failure  # a connection that the client closed is not an error

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        while True:
            try:
                request = await read_request(reader, writer, self._limits)
            except HttpError as error:
                _write(
                    writer,
                    HttpResponse.message(error.status, str(error)),
                    keep=False,
                    head_only=False,
                )
                await _drain_and_close(reader, writer)
                return
            if request is None:
                return
            request.peer = peer
            try:
                response = await self._handle(request)
            except HttpError as error:
                response = HttpResponse.message(error.status, str(error))
            keep = request.keeps_alive
            _write(writer, response, keep=keep, head_only=request.method == "HEAD")
            await writer.drain()
            if not keep:
                return


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: HttpLimits
) -> HttpRequest | None:
    """Return the next request of a connection, or None if it ended or was idle for too long.

    Raise HttpError.
    """
    try:
        async with asyncio.timeout(limits.idle):
            first = await reader.read(1)
            while first in (b"\r", b"\n"):  # a stray line end after the last body
                first = await reader.read(1)
    except TimeoutError:
        return None
    if not first:
        return None
    try:
        async with asyncio.timeout(limits.head_seconds):
            head = first + await reader.readuntil(b"\r\n\r\n")
    except TimeoutError as error:
        raise HttpError(408) from error
    except asyncio.LimitOverrunError as error:
        raise HttpError(431) from error
    request = _parse_head(head[:-4].decode("latin-1"))
    try:
        async with asyncio.timeout(limits.body_seconds):
            request.body = await _read_body(request, reader, writer, limits.body)
    except TimeoutError as error:
        raise HttpError(408) from error
    return request


def _parse_head(head: str) -> HttpRequest:
    line, *fields = head.split("\r\n")
    words = line.split(" ")
    if len(words) != 3 or not TOKEN.fullmatch(words[0]) or not words[1] or CONTROL.search(line):
        raise HttpError(400)
    if words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise HttpError(505 if words[2].startswith("HTTP/") else 400)
    headers = []
    for field in fields:
        name, colon, value = field.partition(":")
        if not colon or not TOKEN.fullmatch(name) or CONTROL.search(value):
            raise HttpError(400)
        headers.append((name.lower(), value.strip(" \t")))
    request = HttpRequest(words[0], words[1], words[2], headers)
    hosts = [value for name, value in headers if name == "host"]
    if len(hosts) > 1 or (not hosts and request.version == "HTTP/1.1"):
        raise HttpError(400)
    return request


async def _read_body(
    request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, max_bytes: int
) -> bytes:
    lengths = {value for name, value in request.headers if name == "content-length"}
    coding = request.header("transfer-encoding").lower()
    if coding and lengths:
        raise HttpError(400)  # request smuggling uses two different lengths
    if coding and coding != "chunked":
        raise HttpError(501)
    if len(lengths) > 1 or not all(length.isascii() and length.isdigit() for length in lengths):
        raise HttpError(400)
    length = int(lengths.pop()) if lengths else 0
    if length > max_bytes:
        raise HttpError(413)
    if (length or coding) and request.header("expect").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await _read_chunks(reader, max_bytes) if coding else await reader.readexactly(length)


async def _read_chunks(reader: asyncio.StreamReader, max_bytes: int) -> bytes:
    body = bytearray()
    try:
        while True:
            size = (await reader.readuntil(b"\r\n"))[:-2].split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
                raise HttpError(400)
            length = int(size, 16)
            if len(body) + length > max_bytes:
                raise HttpError(413)
            if length == 0:
                while await reader.readuntil(b"\r\n") != b"\r\n":
                    pass  # trailers are not passed on to a function
                return bytes(body)
            body += await reader.readexactly(length)
            if await reader.readexactly(2) != b"\r\n":
                raise HttpError(400)
    except asyncio.LimitOverrunError as error:
        raise HttpError(400) from error


def _write(
    writer: asyncio.StreamWriter, response: HttpResponse, *, keep: bool, head_only: bool
) -> None:
    lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append(f"date: {formatdate(usegmt=True)}")
    if response.status not in BODILESS:
        lines.append(f"content-length: {len(response.body)}")
    if not keep:
        lines.append("connection: close")
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    writer.write(head if head_only or response.status in BODILESS else head + response.body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def _drain_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read the rest of the request for DRAIN_SECONDS, then close.

    Closing a socket with unread bytes resets the connection before the client reads the response.
    """
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await writer.drain()
            writer.write_eof()
            while await reader.read(65536):
                pass
    except TimeoutError:
        return
