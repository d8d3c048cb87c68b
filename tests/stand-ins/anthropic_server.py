"""A stand-in for Anthropic's Messages API, for tests of what talks to it.

    python anthropic_server.py --port 0 --key sk-ant-test
    listening 127.0.0.1:43211

It is strict where the API is strict (see `anthropic_validate.py`), and fails on demand. A request asks for that by
directives in its last user text:

    [[anthropic:error=529]]     this status, before the answer
    [[anthropic:error-event]]   an error event after the first text (`error-event=N`: after N events)
    [[anthropic:cut=N]]         the connection breaks after N events (not streamed: in the middle of the body)
    [[anthropic:hang]]          no answer (`hang=N`: silence after N events)
    [[anthropic:first=MS]]      so many milliseconds before the answer; [[anthropic:delay=MS]] before each event
    [[anthropic:tokens=N]]      N words of text
    [[anthropic:stop=REASON]]   this stop reason, such as refusal or pause_turn
    [[anthropic:thinking]]      a thinking block first, where the request enables thinking

`GET /requests` tells what came and how each answer ended; `DELETE /requests` forgets it. Keys are never told, only that
they were there.
"""

import argparse
import asyncio
import json
import random
import re
import time

import anthropic_answers as answers
import anthropic_validate as validate
from anthropic_errors import ApiError
from http_wire import BadRequest, ClientGone, Connection, Request

MAX_BODY = 32 * 1024 * 1024
MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-6", "claude-sonnet-4-6", "claude-sonnet-4-5",
          "claude-sonnet-4-5-20250929", "claude-haiku-4-5", "claude-haiku-4-5-20251001")
DIRECTIVE = re.compile(r"\[\[anthropic:([a-z-]+)(?:=([^\]]*))?\]\]")
DIRECTIVES = {"error", "error-event", "cut", "hang", "first", "delay", "tokens", "stop", "thinking"}
SECRET_HEADERS = {"x-api-key", "authorization", "cookie"}
USUAL_ERROR_EVENT = 3


class BreakOff(Exception):
    """The connection is to end here, in the middle."""


class Server:
    def __init__(self, key: str, models: list[str], cache_minimum: int):
        self.key = key
        self.models = [*MODELS, *models]
        self.cache = answers.Cache(cache_minimum)
        self.received: list[dict] = []
        self.dice = random.Random(0)
        self.start = time.monotonic()

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
            body = ApiError(400, str(error)).body("req_none")
            await connection.send_json(400, body, {"connection": "close"})
        except BreakOff:
            connection.break_off()
        except (ClientGone, ConnectionError):
            pass
        finally:
            connection.close()

    async def answer(self, connection: Connection, request: Request) -> None:
        if request.path == "/requests":
            await self.tell(connection, request)
            return
        record = self.record(request)
        request_id = answers.identity("req_011", self.dice)
        headers = {"request-id": request_id, "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
                   "anthropic-ratelimit-requests-limit": "4000", "anthropic-ratelimit-requests-remaining": "3999"}
        try:
            await self.route(connection, request, record, headers)
            record["ending"] = record["ending"] or "complete"
        except ApiError as error:
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

    async def route(self, connection: Connection, request: Request, record: dict, headers: dict[str, str]) -> None:
        self.authorize(request)
        version = request.headers["anthropic-version"]
        beta = "anthropic-beta" in request.headers or request.query.get("beta") == ["true"]
        match request.method, request.path:
            case "POST", "/v1/messages":
                body = validate.check_message(self.json(request), beta, version)
                self.check_model(body["model"])
                await self.message(connection, body, record, headers)
            case "POST", "/v1/messages/count_tokens":
                body = validate.check_count(self.json(request), beta, version)
                self.check_model(body["model"])
                await connection.send_json(200, {"input_tokens": answers.count_tokens(body)}, headers)
            case "GET", "/v1/models":
                data = [self.model(name) for name in self.models]
                page = {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}
                await connection.send_json(200, page, headers)
            case "GET", path if path.startswith("/v1/models/"):
                name = path.removeprefix("/v1/models/")
                self.check_model(name)
                await connection.send_json(200, self.model(name), headers)
            case _, "/v1/messages" | "/v1/messages/count_tokens" | "/v1/models":
                raise ApiError(405, "Method Not Allowed")
            case _:
                raise ApiError(404, "Not found")
        record["status"] = 200

    def authorize(self, request: Request) -> None:
        # curl and older SDKs send `x-api-key`, the SDKs of 2026 send the same key as a bearer token; either is taken.
        given = [request.headers["x-api-key"]] if "x-api-key" in request.headers else []
        if "authorization" in request.headers:
            scheme, _, token = request.headers["authorization"].partition(" ")
            given.append(token if scheme.lower() == "bearer" else "")
        if not given:
            raise ApiError(401, "x-api-key header is required")
        if any(key != self.key for key in given):
            raise ApiError(401, "invalid x-api-key")
        version = request.headers.get("anthropic-version")
        if version is None:
            raise ApiError(400, "anthropic-version: header is required")
        if version not in validate.VERSIONS:
            raise ApiError(400, f"anthropic-version: \"{version}\" is not a valid version")

    def check_model(self, name: str) -> None:
        if name not in self.models:
            raise ApiError(404, f"model: {name}")

    @staticmethod
    def json(request: Request) -> object:
        if "application/json" not in request.headers.get("content-type", ""):
            raise ApiError(400, "content-type: must be application/json")
        try:
            return json.loads(request.body, object_pairs_hook=_without_duplicates)
        except ValueError as error:
            raise ApiError(400, f"The request body is not valid JSON: {error}") from None

    @staticmethod
    def model(name: str) -> dict:
        return {"type": "model", "id": name, "display_name": name, "created_at": "2025-09-29T00:00:00Z", "lifecycle": "active"}

    async def message(self, connection: Connection, body: dict, record: dict, headers: dict[str, str]) -> None:
        directives, text = _directives(answers.last_user_text(body))
        if "first" in directives:
            await connection.sleep(int(directives["first"]) / 1000)
        if "error" in directives:
            raise ApiError(int(directives["error"]))
        streamed = bool(body.get("stream"))
        if directives.get("hang") == "0" or "hang" in directives and not streamed:
            await connection.sleep(None)
        if "error-event" in directives and not streamed:
            raise ApiError(529)
        answer = answers.make_answer(body, text, directives)
        frame = {"id": answers.identity("msg_01", self.dice), "type": "message", "role": "assistant", "model": body["model"]}
        usage = self.cache.usage(body)
        record["status"], record["streamed"] = 200, streamed
        record["usage"] = {**usage, "output_tokens": answer.output_tokens}
        if streamed:
            await self.stream(connection, list(answers.events(answer, frame, usage)), directives, record, headers)
        elif "cut" in directives:
            await _cut_body(connection, answers.whole(answer, frame, usage), headers)
        else:
            await connection.send_json(200, answers.whole(answer, frame, usage), headers)

    async def stream(self, connection: Connection, events: list[dict], directives: dict[str, str], record: dict,
                     headers: dict[str, str]) -> None:
        # What was asked for happens, at the latest in place of the last event.
        after = {name: min(int(directives[name]), len(events) - 1) for name in ("cut", "hang", "error-event") if name in directives}
        delay = int(directives.get("delay", "0")) / 1000
        await connection.start_stream(headers)
        for number, event in enumerate(events):
            if after.get("cut") == number:
                await asyncio.sleep(0.02)
                raise BreakOff
            if after.get("hang") == number:
                await connection.sleep(None)
            if after.get("error-event") == number:
                error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
                await connection.send_chunk(answers.encode(error, 0))
                record["ending"] = "error-event"
                break
            if delay:
                await connection.sleep(delay)
            await connection.send_chunk(answers.encode(event, self.dice.randrange(12)))
            record["events"] += 1
        await connection.end_stream()

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
        if request.method == "DELETE":
            self.received.clear()
        await connection.send_json(200, self.received)

    def now(self) -> float:
        """Milliseconds since the start."""
        return round((time.monotonic() - self.start) * 1000, 1)


def _directives(text: str) -> tuple[dict[str, str], str]:
    """The directives in a text, and the text without them. An unknown one is refused, lest a test prove nothing."""
    usual = {"error-event": str(USUAL_ERROR_EVENT), "hang": "0", "thinking": "", "cut": "1"}
    found = {}
    for name, value in DIRECTIVE.findall(text):
        if name not in DIRECTIVES or not (value or name in usual):
            raise ApiError(400, f"[[anthropic:{name}]] is not a directive of this stand-in")
        if name not in ("stop", "thinking") and not (value or usual[name]).isdigit():
            raise ApiError(400, f"[[anthropic:{name}={value}]] needs a number")
        found[name] = value or usual[name]
    return found, DIRECTIVE.sub("", text).strip()


def _without_duplicates(pairs: list) -> dict:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is there twice")
    return made


async def _cut_body(connection: Connection, body: dict, headers: dict[str, str]) -> None:
    data = json.dumps(body).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    await connection.write(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n{lines}\r\n".encode()
                           + data[: len(data) // 2])
    await asyncio.sleep(0.02)
    raise BreakOff


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--key", required=True, help="the only API key that gets in, as x-api-key or as a bearer token")
    parser.add_argument("--model", action="append", default=[], help="one more model that exists; repeatable")
    parser.add_argument("--cache-minimum", type=int, default=1024, help="tokens that a cached beginning has at least")
    options = parser.parse_args()
    server = Server(options.key, options.model, options.cache_minimum)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", options.port, limit=1 << 20)
    host, port = listener.sockets[0].getsockname()
    print(f"listening {host}:{port}", flush=True)
    async with listener:
        await listener.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
