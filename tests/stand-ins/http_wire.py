"""HTTP/1.1 over asyncio, as little of it as a stand-in for a provider needs.

A stand-in has to do what frameworks prevent: break off in the middle of a chunk, fall silent, notice at once that its
client has left. So it writes its own bytes.
"""

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

MAX_HEAD = 64 * 1024
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
           413: "Payload Too Large", 429: "Too Many Requests", 500: "Internal Server Error", 529: "Overloaded"}


class BadRequest(Exception):
    """What came is no HTTP/1.1 request."""


class ClientGone(Exception):
    """The client closed its connection before the answer was complete."""


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Connection:
    """One client's connection, for one request after another."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    ahead: bytes = b""
    watcher: asyncio.Task | None = field(default=None, repr=False)

    async def read_request(self, max_body: int) -> Request | None:
        """The next request; None when the client has no more."""
        head = await self._read_until(b"\r\n\r\n")
        if head is None:
            return None
        lines = head.decode("latin-1").split("\r\n")
        try:
            method, target, version = lines[0].split(" ")
        except ValueError:
            raise BadRequest("the request line has not three parts") from None
        if version != "HTTP/1.1":
            raise BadRequest(f"{version} is not spoken here")
        headers: dict[str, str] = {}
        for line in filter(None, lines[1:]):
            name, colon, value = line.partition(":")
            if not colon or name != name.strip():
                raise BadRequest(f"not a header: {line!r}")
            headers[name.lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self._read_body(headers, max_body)
        parts = urlsplit(target)
        return Request(method, parts.path, parse_qs(parts.query), headers, body)

    async def send_json(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        """A whole JSON answer."""
        data = json.dumps(body, ensure_ascii=False).encode()
        all_headers = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
        await self.write(head(status, all_headers) + data)

    async def start_stream(self, headers: dict[str, str]) -> None:
        """The head of an event stream; chunks follow, then `end_stream`."""
        self.watch()
        await self.write(head(200, {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache",
                                    "transfer-encoding": "chunked", **headers}))

    async def send_chunk(self, data: bytes) -> None:
        await self.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def end_stream(self) -> None:
        await self.write(b"0\r\n\r\n")

    async def write(self, data: bytes) -> None:
        if self.watcher and self.watcher.done() and not self.watcher.result():
            raise ClientGone
        self.writer.write(data)
        try:
            await self.writer.drain()
        except ConnectionError:
            raise ClientGone from None

    def watch(self) -> None:
        """From here on, notices when the client leaves."""
        if self.watcher is None:
            self.watcher = asyncio.create_task(self._peek())

    async def sleep(self, seconds: float | None) -> None:
        """Waits so long, or for ever; raises `ClientGone` as soon as the client leaves."""
        self.watch()
        assert self.watcher is not None
        await asyncio.wait({self.watcher}, timeout=seconds)
        if self.watcher.done():
            if not self.watcher.result():
                raise ClientGone
            # A second request is waiting already; its client is there.
            if seconds is None:
                await asyncio.Event().wait()

    async def settle(self) -> None:
        """After an answer: keeps what the watcher has read of the next request."""
        if self.watcher is None:
            return
        if not self.watcher.done():
            self.watcher.cancel()
        try:
            self.ahead += await self.watcher
        except asyncio.CancelledError:
            pass
        self.watcher = None

    def close(self) -> None:
        self.writer.close()

    def break_off(self) -> None:
        """Closes at once; what was begun has no end."""
        self.writer.transport.abort()

    async def _peek(self) -> bytes:
        try:
            return await self.reader.read(1)
        except ConnectionError:
            return b""

    async def _read_until(self, mark: bytes) -> bytes | None:
        while mark not in self.ahead:
            more = await self.reader.read(65536)
            if not more:
                return None
            self.ahead += more
            if len(self.ahead) > MAX_HEAD and mark not in self.ahead[:MAX_HEAD]:
                raise BadRequest("the head is too long")
        found, _, self.ahead = self.ahead.partition(mark)
        return found

    async def _read_exactly(self, count: int) -> bytes:
        while len(self.ahead) < count:
            more = await self.reader.read(max(65536, count - len(self.ahead)))
            if not more:
                raise ClientGone
            self.ahead += more
        data, self.ahead = self.ahead[:count], self.ahead[count:]
        return data

    async def _read_body(self, headers: dict[str, str], max_body: int) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while True:
                line = await self._read_until(b"\r\n")
                size = int((line or b"0").split(b";")[0], 16)
                if size == 0:
                    while await self._read_until(b"\r\n"):
                        pass
                    return body
                body += await self._read_exactly(size)
                await self._read_exactly(2)
                if len(body) > max_body:
                    raise BadRequest("the body is too long")
        length = int(headers.get("content-length", "0"))
        if length > max_body:
            raise BadRequest("the body is too long")
        return await self._read_exactly(length)


def head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
