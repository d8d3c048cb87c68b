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

Or it says what a script tells it to (see `script.py`); while it has one, there are no directives.
"""

import json
import re

import anthropic_answers as answers
import anthropic_script as script
import anthropic_validate as validate
from anthropic_errors import ApiError
from http_wire import Connection, Request
from script import Seen, Turn, Usage
from stand_in import StandIn, arguments, cut_body, run, without_duplicates

MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-6", "claude-sonnet-4-6", "claude-sonnet-4-5",
          "claude-sonnet-4-5-20250929", "claude-haiku-4-5", "claude-haiku-4-5-20251001")
DIRECTIVE = re.compile(r"\[\[anthropic:([a-z-]+)(?:=([^\]]*))?\]\]")
DIRECTIVES = {"error", "error-event", "cut", "hang", "first", "delay", "tokens", "stop", "thinking"}
USUAL_ERROR_EVENT = 3


class Server(StandIn):
    refusal = ApiError

    def __init__(self, key: str, models: list[str], cache_minimum: int):
        super().__init__(key, [*MODELS, *models])
        self.cache = answers.Cache(cache_minimum)

    async def route(self, connection: Connection, request: Request, record: dict, headers: dict[str, str]) -> None:
        self.authorize(request)
        version = request.headers["anthropic-version"]
        beta = "anthropic-beta" in request.headers or request.query.get("beta") == ["true"]
        match request.method, request.path:
            case "POST", "/v1/messages":
                body = validate.check_message(self.json(request), beta, version)
                self.check_model(body["model"])
                await (self.play if self.script else self.message)(connection, body, record, headers)
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
            return json.loads(request.body, object_pairs_hook=without_duplicates)
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
        usage = self.cache.usage(body)
        record["status"], record["streamed"] = 200, streamed
        record["usage"] = {**usage, "output_tokens": answer.output_tokens}
        if streamed:
            faults = {name.replace("-", "_"): int(directives[name]) for name in ("cut", "hang", "error-event") if name in directives}
            frames = self.encoded(answers.events(answer, self.frame(body), usage))
            await self.stream(connection, frames, faults, record, headers, int(directives.get("delay", "0")) / 1000)
        elif "cut" in directives:
            await cut_body(connection, answers.whole(answer, self.frame(body), usage), headers)
        else:
            await connection.send_json(200, answers.whole(answer, self.frame(body), usage), headers)

    def seen(self, body: dict) -> Seen:
        return script.see(body)

    def whole(self, turn: Turn, body: dict, usage: Usage) -> dict:
        return answers.whole(script.answer(turn, body, usage), self.frame(body), script.input_usage(usage))

    def frames(self, turn: Turn, body: dict, usage: Usage) -> list[bytes]:
        return self.encoded(answers.events(script.answer(turn, body, usage), self.frame(body), script.input_usage(usage)))

    def error_frame(self) -> bytes:
        return answers.encode({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 0)

    def encoded(self, events) -> list[bytes]:
        return [answers.encode(event, self.dice.randrange(12)) for event in events]

    def frame(self, body: dict) -> dict:
        return {"id": answers.identity("msg_01", self.dice), "type": "message", "role": "assistant", "model": body["model"]}

    def failure(self, status: int, message: str | None, headers: dict[str, str]) -> Exception:
        return ApiError(status, message, headers)

    def usual_headers(self, request_id: str) -> dict[str, str]:
        return {"request-id": request_id, "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
                "anthropic-ratelimit-requests-limit": "4000", "anthropic-ratelimit-requests-remaining": "3999"}


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


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--cache-minimum", type=int, default=1024, help="tokens that a cached beginning has at least")
    options = parser.parse_args()
    run(Server(options.key, options.model, options.cache_minimum), options.port)
