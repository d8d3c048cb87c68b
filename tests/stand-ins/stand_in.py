"""What the stand-ins for providers have in common: connections, records of what came, scripts, and how answers fail.

    GET    /requests     what came, and how each answer ended; DELETE forgets it
    PUT    /script       a script (see `script.py`) from its first turn; DELETE takes it away
    GET    /script       how far it is, and what a request lacked

Keys are never told, only that they were there.
"""

import argparse
import asyncio
import hashlib
import json
import random
import time
from dataclasses import replace

from http_wire import BadRequest, ClientGone, Connection, Request
from script import Mismatch, Script, Seen, Turn, Usage

MAX_BODY = 32 * 1024 * 1024
SECRET_HEADERS = {"x-api-key", "api-key", "authorization", "cookie"}
CHARS_PER_TOKEN = 4


class BreakOff(Exception):
    """The connection is to end here, in the middle."""


class StandIn:
    """One provider. A dialect says how it refuses, what a request holds and how an answer is written."""

    refusal: type[Exception]

    def __init__(self, key: str, models: list[str]):
        self.key = key
        self.models = models
        self.script: Script | None = None
        self.received: list[dict] = []
        self.dice = random.Random(0)
        self.start = time.monotonic()

    async def route(self, connection: Connection, request: Request, record: dict, headers: dict[str, str]) -> None:
        """Answers a request, or raises a refusal."""
        raise NotImplementedError

    def usual_headers(self, request_id: str) -> dict[str, str]:
        raise NotImplementedError

    def seen(self, body: dict) -> Seen:
        """What a request that was checked holds."""
        raise NotImplementedError

    def failure(self, status: int, message: str | None, headers: dict[str, str]) -> Exception:
        """The refusal with this status."""
        raise NotImplementedError

    def whole(self, turn: Turn, body: dict, usage: Usage) -> dict:
        """The turn as the body of an answer that is not streamed."""
        raise NotImplementedError

    def frames(self, turn: Turn, body: dict, usage: Usage) -> list[bytes]:
        """The turn as the events of a stream."""
        raise NotImplementedError

    def error_frame(self) -> bytes:
        """An error as an event within a stream."""
        raise NotImplementedError

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until its client leaves or something breaks it off."""
        connection = Connection(reader, writer)
        try:
            while request := await connection.read_request(MAX_BODY):
                await self.answer(connection, request)
                await connection.settle()
                if request.headers.get("connection", "").lower() == "close":
                    break
        except BadRequest as error:
            await connection.send_json(400, self.failure(400, str(error), {}).body("req_none"), {"connection": "close"})
        except BreakOff:
            connection.break_off()
        except (ClientGone, ConnectionError):
            pass
        finally:
            connection.close()

    async def answer(self, connection: Connection, request: Request) -> None:
        if request.path in ("/requests", "/script"):
            await self.tell(connection, request)
            return
        record = self.record(request)
        request_id = "req_011" + hashlib.sha256(str(len(self.received)).encode()).hexdigest()[:22]
        headers = self.usual_headers(request_id)
        try:
            await self.route(connection, request, record, headers)
            record["ending"] = record["ending"] or "complete"
        except self.refusal as error:
            record["status"], record["ending"] = error.status, "refused"
            await connection.send_json(error.status, error.body(request_id), {**headers, **error.headers})
        except BreakOff:
            record["ending"] = "cut"
            raise
        except (ClientGone, asyncio.CancelledError):
            record["ending"] = "client-gone"
            raise
        finally:
            record["ended_ms"] = self.now()

    async def play(self, connection: Connection, body: dict, record: dict, headers: dict[str, str]) -> None:
        """Answers with the script's next turn."""
        streamed = bool(body.get("stream"))
        try:
            if self.script is None:
                raise Mismatch("there is no script")
            turn = self.script.take(self.seen(body))
            if turn.fail:
                raise self.failure(turn.fail["status"], turn.fail.get("message"), _failure_headers(turn.fail))
            usage = self.usage(turn, body)
            answer = self.frames(turn, body, usage) if streamed else self.whole(turn, body, usage)
        except Mismatch as mismatch:
            if self.script and str(mismatch) not in self.script.failures:
                self.script.failures.append(str(mismatch))
            raise self.failure(400, f"The script: {mismatch}", {}) from None
        record["status"], record["streamed"] = 200, streamed
        record["usage"] = usage.__dict__
        if streamed:
            await self.stream(connection, answer, turn.faults, record, headers)
        elif "hang" in turn.faults:
            await connection.sleep(None)
        elif "cut" in turn.faults:
            await cut_body(connection, answer, headers)
        else:
            await connection.send_json(200, answer, headers)

    async def stream(self, connection: Connection, frames: list[bytes], faults: dict[str, int], record: dict, headers: dict[str, str],
                     delay: float = 0) -> None:
        """Sends the events; a fault comes after as many of them as it says, at the latest in place of the last one."""
        after = {name: min(count, len(frames) - 1) for name, count in faults.items()}
        await connection.start_stream(headers)
        for number, frame in enumerate(frames):
            if after.get("cut") == number:
                await asyncio.sleep(0.02)
                raise BreakOff
            if after.get("hang") == number:
                await connection.sleep(None)
            if after.get("error_event") == number:
                await connection.send_chunk(self.error_frame())
                record["ending"] = "error-event"
                break
            if delay:
                await connection.sleep(delay)
            await connection.send_chunk(frame)
            record["events"] += 1
        await connection.end_stream()

    def usage(self, turn: Turn, body: dict) -> Usage:
        """What the script says, or a count of what is there."""
        said = sum(len(json.dumps(part)) for part in turn.say)
        thought = sum(len(part["reasoning"]) for part in turn.say if "reasoning" in part)
        usual = Usage(input=self.count(body), output=said // CHARS_PER_TOKEN + 1, reasoning=thought // CHARS_PER_TOKEN)
        return replace(usual, **turn.usage)

    @staticmethod
    def count(body: dict) -> int:
        """The tokens of a request, roughly."""
        held = {name: body[name] for name in ("system", "instructions", "messages", "input", "tools") if name in body}
        return max(len(json.dumps(held)) // CHARS_PER_TOKEN, 1)

    def record(self, request: Request) -> dict:
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = None
        shown = {name: "<redacted>" if name in SECRET_HEADERS else value for name, value in request.headers.items()}
        record = {"method": request.method, "path": request.path, "query": request.query, "headers": shown, "body": body,
                  "status": None, "streamed": False, "events": 0, "usage": None, "ending": None, "started_ms": self.now(),
                  "ended_ms": None}
        self.received.append(record)
        return record

    async def tell(self, connection: Connection, request: Request) -> None:
        if request.path == "/requests":
            if request.method == "DELETE":
                self.received.clear()
            await connection.send_json(200, self.received)
            return
        try:
            if request.method == "PUT":
                self.script = Script(json.loads(request.body))
            elif request.method == "DELETE":
                self.script = None
            await connection.send_json(200, self.script.state() if self.script else {})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            await connection.send_json(400, {"error": {"message": str(error)}})

    def now(self) -> float:
        """Milliseconds since the start."""
        return round((time.monotonic() - self.start) * 1000, 1)


def proof(thought: str) -> str:
    """What a stand-in signs a thought with: whoever sends the thought back has to send this too."""
    return hashlib.sha256(f"signed: {thought}".encode()).hexdigest() * 2


def pieces(text: str, size: int) -> list[str]:
    """A text in as many pieces as a stream brings it."""
    return [text[at: at + size] for at in range(0, len(text), size)]


def without_duplicates(pairs: list) -> dict:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is there twice")
    return made


async def cut_body(connection: Connection, body: dict, headers: dict[str, str]) -> None:
    """Half of a body, and the end of the connection."""
    data = json.dumps(body).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    await connection.write(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n{lines}\r\n".encode()
                           + data[: len(data) // 2])
    await asyncio.sleep(0.02)
    raise BreakOff


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--key", required=True, help="the only API key that gets in")
    parser.add_argument("--model", action="append", default=[], help="one more model that exists; repeatable")
    return parser


def run(stand_in: StandIn, port: int) -> None:
    """Serves until it is ended, and says where."""
    async def listen() -> None:
        listener = await asyncio.start_server(stand_in.serve, "127.0.0.1", port, limit=1 << 20)
        host, taken = listener.sockets[0].getsockname()
        print(f"listening {host}:{taken}", flush=True)
        async with listener:
            await listener.serve_forever()

    try:
        asyncio.run(listen())
    except KeyboardInterrupt:
        pass


def _failure_headers(fail: dict) -> dict[str, str]:
    return {"retry-after": str(fail["retry_after"])} if "retry_after" in fail else {}
