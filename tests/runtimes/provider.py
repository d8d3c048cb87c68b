"""A stand-in for OpenAI's chat completions, in the process of the tests, which drive it step by step.

What a runtime does to a stream cannot be told by a clock on a busy machine, but by cause and effect: here the next event
is sent when the test says so, and the test says so when its client has the last one. A request asks for that by a
directive in its last user text; `step` and `together` hold the answer back, the others shape it:

    [[openai:step=NAME]]       every event waits for `provider.call(NAME).send()`
    [[openai:together=N/NAME]] after its first event, waits until N streams of this name are open
    [[openai:tokens=N]]        N words of text, an event each (5 where nothing is said)
    [[openai:pace=MS]]         so many milliseconds before each event
    [[openai:cut=N]]           the connection is reset after N events
    [[openai:error=STATUS]]    this status, with OpenAI's error body
    [[openai:measure]]         the text is the length and the SHA-256 of the user's text
"""

import asyncio
import collections
import hashlib
import json
import pathlib
import re
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "stand-ins"))

from http_wire import BadRequest, ClientGone, Connection  # noqa: E402

MAX_BODY = 32 * 1024 * 1024
DIRECTIVE = re.compile(r"\[\[openai:([a-z]+)(?:=([^\]]*))?\]\]")
DIRECTIVES = {"step", "together", "tokens", "pace", "cut", "error", "measure"}
# As long as a test waits for anything that is to happen.
PATIENCE = 20.0


class BreakOff(Exception):
    """The connection is to end here, in the middle."""


class Call:
    """One streamed request, as the test drives it. All methods may be called from the test's thread."""

    def __init__(self, loop):
        self.loop = loop
        self.orders = asyncio.Queue()
        self.gone = threading.Event()
        self.arrived = threading.Event()

    def send(self):
        """Sends the next event."""
        self.loop.call_soon_threadsafe(self.orders.put_nowait, "send")

    def wait(self):
        """Waits until the request is there."""
        assert self.arrived.wait(PATIENCE), "the request did not come to the provider"
        return self

    def left(self, seconds):
        """Whether the reader of this answer leaves within so many seconds."""
        return self.gone.wait(seconds)


class Provider:
    """Listens on this port of loopback, in a thread of its own, for as long as the `with` block lasts."""

    def __init__(self, port, key):
        self.port = port
        self.key = key
        self.loop = asyncio.new_event_loop()
        self.calls = {}
        self.lock = threading.Lock()
        self.open = collections.Counter()
        self.requests = 0
        self.ready = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.ready.wait(PATIENCE)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join(PATIENCE)

    def call(self, name):
        """The request that says `[[openai:step=name]]`, whether it came or not."""
        with self.lock:
            if name not in self.calls:
                self.calls[name] = Call(self.loop)
            return self.calls[name]

    def _run(self):
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            # When this is over, the runner cancels what still waits for a reader.
            runner.run(self._listen())

    async def _listen(self):
        self.stopped = asyncio.Event()
        listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 20, backlog=1024)
        self.ready.set()
        await self.stopped.wait()
        listener.close()

    async def _serve(self, reader, writer):
        connection = Connection(reader, writer)
        try:
            while request := await connection.read_request(MAX_BODY):
                await self._answer(connection, request)
                await connection.settle()
        except BadRequest as wrong:
            await connection.send_json(400, error("bad_request", str(wrong)), {"connection": "close"})
        except BreakOff:
            connection.break_off()
        except (ClientGone, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            connection.close()

    async def _answer(self, connection, request):
        if request.headers.get("authorization") != f"Bearer {self.key}":
            await connection.send_json(401, error("invalid_api_key", "Incorrect API key provided."))
            return
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            await connection.send_json(404, error("unknown_url", f"Unknown request URL: {request.path}"))
            return
        self.requests += 1
        body = json.loads(request.body)
        text = last_user_text(body)
        said = directives(text)
        if "error" in said:
            status = int(said["error"])
            await connection.send_json(status, error("server_error", "The server had an error."))
            return
        pieces, finish = answer(body, text, said)
        if not body.get("stream"):
            await connection.send_json(200, whole(body, pieces, finish))
            return
        await self._stream(connection, body, events(body, pieces, finish), said)

    async def _stream(self, connection, body, stream, said):
        call = self.call(said["step"]) if "step" in said else None
        try:
            if call:
                call.arrived.set()
            await connection.start_stream({"x-request-id": "req_stand_in"})
            for number, event in enumerate(stream):
                if said.get("cut") == str(number):
                    await asyncio.sleep(0.02)
                    raise BreakOff
                if call:
                    await next_order(connection, call)
                if "pace" in said:
                    await connection.sleep(int(said["pace"]) / 1000)
                await connection.send_chunk(b"data: " + event + b"\n\n")
                if number == 0 and "together" in said:
                    await self._together(connection, said["together"])
            await connection.end_stream()
        except (ClientGone, ConnectionError):
            if call:
                call.gone.set()
            raise

    async def _together(self, connection, wanted):
        self.open[wanted] += 1
        while self.open[wanted] < int(wanted.partition("/")[0]):
            await connection.sleep(0.02)


async def next_order(connection, call):
    """Waits for the test's word; raises `ClientGone` as soon as the reader leaves."""
    connection.watch()
    order = asyncio.ensure_future(call.orders.get())
    await asyncio.wait({order, connection.watcher}, return_when=asyncio.FIRST_COMPLETED)
    if not order.done():
        order.cancel()
        raise ClientGone


def last_user_text(body):
    content = next(message["content"] for message in reversed(body["messages"]) if message["role"] == "user")
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


def directives(text):
    """The directives in a text. An unknown one is an error, lest a test prove nothing."""
    found = dict(DIRECTIVE.findall(text))
    unknown = found.keys() - DIRECTIVES
    assert not unknown, f"not directives of this stand-in: {unknown}"
    return found


def answer(body, text, said):
    """What is said, as pieces (each a piece of text, or a piece of a tool's arguments), and why it ends."""
    if body.get("tools") and body.get("tool_choice") != "none" and not any(m["role"] == "tool" for m in body["messages"]):
        return [{"tool": piece} for piece in ['{"ci', 'ty": "Pa', 'ris"}']], "tool_calls"
    if "measure" in said:
        return [{"text": f"{len(text)} {hashlib.sha256(text.encode()).hexdigest()}"}], "stop"
    name = said.get("step") or DIRECTIVE.sub("", text).strip()
    return [{"text": f"{name}#{number} "} for number in range(int(said.get("tokens", "5")))], "stop"


def frame(body, kind):
    return {"id": "chatcmpl-standin", "object": kind, "created": 1770000000, "model": body["model"], "system_fingerprint": None}


def usage(body, pieces):
    prompt = max(len(last_user_text(body)) // 4, 1)
    return {"prompt_tokens": prompt, "completion_tokens": len(pieces), "total_tokens": prompt + len(pieces)}


def whole(body, pieces, finish):
    message = {"role": "assistant", "content": "".join(piece.get("text", "") for piece in pieces) or None, "refusal": None}
    if finish == "tool_calls":
        message["tool_calls"] = [tool_call(body, "".join(piece["tool"] for piece in pieces))]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {**frame(body, "chat.completion"), "choices": [choice], "usage": usage(body, pieces)}


def events(body, pieces, finish):
    """The data of each event: the role, the pieces, the end, the usage where it was asked for, `[DONE]`."""
    def chunk(delta, finish_reason=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return json.dumps({**frame(body, "chat.completion.chunk"), "choices": [choice]}).encode()

    yield chunk({"role": "assistant", "content": None if finish == "tool_calls" else "", "refusal": None})
    for number, piece in enumerate(pieces):
        if "text" in piece:
            yield chunk({"content": piece["text"]})
        elif number == 0:
            yield chunk({"tool_calls": [{"index": 0, **tool_call(body, piece["tool"])}]})
        else:
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece["tool"]}}]})
    yield chunk({}, finish)
    if (body.get("stream_options") or {}).get("include_usage"):
        yield json.dumps({**frame(body, "chat.completion.chunk"), "choices": [], "usage": usage(body, pieces)}).encode()
    yield b"[DONE]"


def tool_call(body, arguments):
    return {"id": "call_standin", "type": "function", "function": {"name": body["tools"][0]["function"]["name"], "arguments": arguments}}


def error(code, message):
    return {"error": {"message": message, "type": code, "param": None, "code": code}}
