"""An HTTP client that sends bytes as they are, also malformed requests."""

import asyncio
import json
from dataclasses import dataclass


@dataclass
class RawResponse:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


class RawClient:
    """One connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self.port: int = writer.get_extra_info("peername")[1]

    async def ask(self, request: bytes, *, head: bool = False) -> RawResponse:
        self.writer.write(request)
        return await self.read(head=head)

    async def read(self, *, head: bool = False) -> RawResponse:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(": ")
            headers[name] = f"{headers[name]}\n{value}" if name in headers else value
        length = 0 if head else int(headers.get("content-length", 0))
        return RawResponse(
            int(lines[0].split()[1]), headers, await self._reader.readexactly(length)
        )

    async def send(
        self, method: str, path: str, result: object = None, **headers: str
    ) -> RawResponse:
        """Send a request; the echo function returns `result`, or its event if that is None."""
        body = b"" if result is None else json.dumps(result).encode()
        fields = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
        ]
        return await self.ask("\r\n".join([*lines, "", ""]).encode() + body, head=method == "HEAD")

    async def at_end(self) -> bool:
        return await self._reader.read() == b""
