"""A stand-in for OpenAI's chat completions, for tests of what talks to them.

    python chat_server.py --port 0 --key sk-test
    listening 127.0.0.1:43211

It is strict where the API is strict (see `chat_rules.py`) and says what a script tells it to (see `script.py`).
With `--thoughts FIELD` it is one of the compatible servers that tell and take back thoughts under that name.
"""

import hashlib
import json
import time

import chat_rules
from http_wire import Connection, Request
from openai_endpoints import OpenaiStandIn
from script import Result, Seen, Turn, Usage, arguments, find_tool
from stand_in import arguments as options
from stand_in import pieces, run


class ChatStandIn(OpenaiStandIn):
    def __init__(self, key: str, models: list[str], thoughts: str | None):
        super().__init__(key, models)
        self.thoughts = thoughts

    async def generate(self, connection: Connection, request: Request, record: dict, headers: dict[str, str]) -> bool:
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            return False
        body = chat_rules.check_chat(self.json(request), self.thoughts)
        self.check_model(body["model"])
        await self.play(connection, body, record, headers)
        return True

    def seen(self, body: dict) -> Seen:
        seen = Seen(body["model"], effort=body.get("reasoning_effort"), temperature=body.get("temperature"))
        seen.limit = body.get("max_completion_tokens") or body.get("max_tokens")
        seen.stop = [body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop") or []
        seen.tools = {(None, tool[tool["type"]]["name"]): tool["type"] for tool in body.get("tools") or []}
        choice = body.get("tool_choice") or "auto"
        seen.choice = choice if isinstance(choice, str) else choice.get(choice["type"], {}).get("name", choice["type"])
        seen.parallel = body.get("parallel_tool_calls") is not False
        form = body.get("response_format") or {}
        seen.schema = form["json_schema"].get("schema") if form.get("type") == "json_schema" else None
        for message in body["messages"]:
            self.see(message, seen)
        return seen

    def see(self, message: dict, seen: Seen) -> None:
        content = message.get("content")
        text = chat_rules.text_of(content)
        parts = [part["type"] for part in content] if isinstance(content, list) else []
        match message["role"]:
            case "system" | "developer":
                seen.system += text + "\n"
            case "user":
                seen.user.append(text)
                seen.images += parts.count("image_url")
                seen.documents += parts.count("file")
            case "assistant":
                seen.results = []
                seen.assistant.append(text)
                seen.reasoning += bool(message.get(self.thoughts or ""))
                seen.calls += [call[call["type"]]["name"] for call in message.get("tool_calls") or []]
            case "tool":
                seen.results.append(Result(text))

    def whole(self, turn: Turn, body: dict, usage: Usage) -> dict:
        message = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        calls = []
        for position, part in enumerate(turn.say):
            if "call" in part:
                calls.append(self.call(turn, position, part, body))
            elif "reasoning" in part:
                if self.thoughts:
                    message[self.thoughts] = message.get(self.thoughts, "") + part["reasoning"]
            elif "refusal" in part:
                message["refusal"] = part["refusal"]
            else:
                message["content"] = (message["content"] or "") + words(part)
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(turn)}
        return {**self.frame(turn, body, "chat.completion"), "choices": [choice], "usage": tokens(usage)}

    def frames(self, turn: Turn, body: dict, usage: Usage) -> list[bytes]:
        frame = self.frame(turn, body, "chat.completion.chunk")
        asked = (body.get("stream_options") or {}).get("include_usage")
        chunks = [{"role": "assistant", "content": "", "refusal": None}, *self.deltas(turn, body)]
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in chunks]
        choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish(turn)})
        # With `include_usage`, all chunks have the member, and one more at the end has the figures.
        made = [{**frame, "choices": [choice], **({"usage": None} if asked else {})} for choice in choices]
        if asked:
            made.append({**frame, "choices": [], "usage": tokens(usage)})
        return [b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n" for chunk in made] + [b"data: [DONE]\n\n"]

    def deltas(self, turn: Turn, body: dict):
        calls = 0
        for position, part in enumerate(turn.say):
            if "reasoning" in part:
                yield from ({self.thoughts: piece} for piece in pieces(part["reasoning"], 9) if self.thoughts)
            elif "refusal" in part:
                yield from ({"refusal": piece} for piece in pieces(part["refusal"], 7))
            elif "call" in part:
                call = self.call(turn, position, part, body)
                member = "arguments" if call["type"] == "function" else "input"
                opened = {**call, call["type"]: {**call[call["type"]], member: ""}}
                yield {"tool_calls": [{"index": calls, **opened}]}
                for piece in pieces(call[call["type"]][member], 6):
                    yield {"tool_calls": [{"index": calls, call["type"]: {member: piece}}]}
                calls += 1
            else:
                yield from ({"content": piece} for piece in pieces(words(part), 7))

    def error_frame(self) -> bytes:
        return b"data: " + json.dumps(self.failure(500, None, {}).body("")).encode() + b"\n\n"

    @staticmethod
    def call(turn: Turn, position: int, part: dict, body: dict) -> dict:
        tools = {(None, tool[tool["type"]]["name"]): tool["type"] for tool in body.get("tools") or []}
        _, name, kind = find_tool(tools, part["call"], part.get("namespace"))
        identity = "call_" + hashlib.sha256(f"{turn.number}.{position}".encode()).hexdigest()[:24]
        member = "arguments" if kind == "function" else "input"
        return {"id": identity, "type": kind, kind: {"name": name, member: arguments(part, kind)}}

    @staticmethod
    def frame(turn: Turn, body: dict, kind: str) -> dict:
        return {"id": f"chatcmpl-{turn.number:029}", "object": kind, "created": int(time.time()), "model": f"{body['model']}-2026-10-01",
                "service_tier": "default", "system_fingerprint": "fp_07871e2ad8"}


def words(part: dict) -> str:
    return json.dumps(part["json"]) if "json" in part else part["text"]


def finish(turn: Turn) -> str:
    if turn.stop:
        return {"length": "length", "filter": "content_filter"}[turn.stop]
    return "tool_calls" if any("call" in part for part in turn.say) else "stop"


def tokens(usage: Usage) -> dict:
    return {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0,
                                          "rejected_prediction_tokens": 0}}


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--thoughts", metavar="FIELD", help="such as reasoning_content; OpenAI itself has none")
    chosen = parser.parse_args()
    run(ChatStandIn(chosen.key, chosen.model, chosen.thoughts), chosen.port)
