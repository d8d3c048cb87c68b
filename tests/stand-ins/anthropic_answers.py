"""What the stand-in says, and in which events.

It understands nothing: it repeats the last user message, calls the tools that it was told to call or that the message
names, and quotes what the tools answered. The same request always has the same answer.
"""

import hashlib
import json
import random
import re
from dataclasses import dataclass, field

CHARS_PER_TOKEN = 4
IMAGE_TOKENS = 1500
TOKEN = re.compile(r"\s*\S{1,12}")
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass
class Answer:
    """A whole message, before it is put on the wire."""

    content: list[dict]
    stop_reason: str
    stop_sequence: str | None
    output_tokens: int


@dataclass
class Cache:
    """Which prompts' beginnings were seen, as prompt caching keeps them."""

    minimum: int
    seen: set[str] = field(default_factory=set)

    def usage(self, request: dict) -> dict:
        """The input side of the usage: what was read from the cache, written to it, and neither."""
        total, marked, digest = _measure(request)
        if marked < self.minimum:
            marked, digest = 0, None
        hit = digest in self.seen
        if digest and not hit:
            self.seen.add(digest)
        created = 0 if hit else marked
        return {"input_tokens": total - marked, "cache_creation_input_tokens": created,
                "cache_read_input_tokens": marked if hit else 0,
                "cache_creation": {"ephemeral_5m_input_tokens": created, "ephemeral_1h_input_tokens": 0}}


def count_tokens(request: dict) -> int:
    return _measure(request)[0]


def make_answer(request: dict, message: str, directives: dict[str, str]) -> Answer:
    """The answer to a request that was checked; `message` is the last user text without its directives."""
    dice = random.Random(_digest(request))
    content: list[dict] = []
    if request.get("thinking", {}).get("type") in ("enabled", "adaptive") and "thinking" in directives:
        signature = hashlib.sha256(message.encode()).hexdigest() * 3
        content.append({"type": "thinking", "thinking": "The user wants an answer, so there will be one.", "signature": signature})
    calls = _tools_to_call(request, message)
    results = _results(request)
    stop_reason, stop_sequence = "end_turn", None
    if calls:
        forced = request.get("tool_choice", {}).get("type") in ("any", "tool")
        if not forced:
            names = " and ".join(tool["name"] for tool in calls)
            content.append({"type": "text", "text": f"I will use {names}."})
        for tool in calls:
            content.append({"type": "tool_use", "id": identity("toolu_01", dice), "name": tool["name"],
                            "input": make_value(tool["input_schema"], tool["input_schema"], dice)})
        stop_reason = "tool_use"
    else:
        content.append({"type": "text", "text": _text(message, results, directives)})
        stop_reason, stop_sequence = _stop(content[-1], request.get("stop_sequences") or [])
    answer = Answer(content, directives.get("stop", stop_reason), stop_sequence, 0)
    _limit(answer, request["max_tokens"])
    return answer


def whole(answer: Answer, frame: dict, usage: dict) -> dict:
    """The body of an answer that is not streamed."""
    usage = {**usage, "output_tokens": answer.output_tokens, "service_tier": "standard", "inference_geo": "not_available"}
    return {**frame, "content": answer.content, "stop_reason": answer.stop_reason, "stop_sequence": answer.stop_sequence,
            "stop_details": None, "usage": usage}


def events(answer: Answer, frame: dict, usage: dict):
    """The same as events, in the API's order."""
    opening = {**usage, "output_tokens": 1, "service_tier": "standard", "inference_geo": "not_available"}
    yield {"type": "message_start", "message": {**frame, "content": [], "stop_reason": None, "stop_sequence": None,
                                                "stop_details": None, "usage": opening}}
    for index, block in enumerate(answer.content):
        yield {"type": "content_block_start", "index": index, "content_block": _empty(block)}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    closing = {name: count for name, count in usage.items() if name != "cache_creation"}
    yield {"type": "message_delta",
           "delta": {"stop_reason": answer.stop_reason, "stop_sequence": answer.stop_sequence, "stop_details": None},
           "usage": {**closing, "output_tokens": answer.output_tokens}}
    yield {"type": "message_stop"}


def encode(event: dict, padding: int) -> bytes:
    """An event as it goes over the wire; the API pads its data with spaces before the last brace."""
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {data[:-1]}{' ' * padding}}}\n\n".encode()


def identity(prefix: str, dice: random.Random) -> str:
    return prefix + "".join(dice.choices(ALPHABET, k=22))


def last_user_text(request: dict) -> str:
    for message in reversed(request["messages"]):
        if message["role"] == "user":
            content = message["content"]
            if isinstance(content, str):
                return content
            return " ".join(block["text"] for block in content if block.get("type") == "text")
    return ""


def make_value(schema: dict, root: dict, dice: random.Random, depth: int = 0) -> object:
    """A JSON value that satisfies a schema, as far as types, `required`, `enum` and bounds go."""
    for _ in range(8):
        if "$ref" not in schema:
            break
        schema = _resolve(root, schema["$ref"])
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return dice.choice(schema["enum"])
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key) and depth < 12:
            return make_value(schema[key][0], root, dice, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind == "object":
        wanted = schema.get("required", []) if depth else list(schema.get("properties", {}))
        properties = schema.get("properties", {})
        return {name: make_value(properties.get(name, {}), root, dice, depth + 1) for name in wanted if depth < 12}
    if kind == "array":
        items = schema.get("items", {})
        return [make_value(items, root, dice, depth + 1) for _ in range(schema.get("minItems", 1))] if depth < 12 else []
    if kind == "integer":
        return schema.get("minimum", min(schema.get("maximum", 7), 7))
    if kind == "number":
        return schema.get("minimum", 0) + 0.5
    if kind == "boolean":
        return True
    return None if kind == "null" else dice.choice(("amber", "birch", "cedar", "dune", "ember", "Paris"))


def _resolve(root: dict, path: str) -> dict:
    found = root
    for part in path.removeprefix("#").strip("/").split("/"):
        found = found.get(part, {}) if part else found
    return found


def _text(message: str, results: list[str], directives: dict[str, str]) -> str:
    if results:
        return "The tool answered: " + "; ".join(results)
    if "tokens" in directives:
        return " ".join(f"word{number}" for number in range(int(directives["tokens"])))
    return f"This is a stand-in, not a model. You said: {message}"


def _results(request: dict) -> list[str]:
    last = request["messages"][-1]
    if last["role"] != "user" or isinstance(last["content"], str):
        return []
    return [_plain(block.get("content", "")) for block in last["content"] if block.get("type") == "tool_result"]


def _plain(content: object) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", f"({part['type']})") for part in content)


def _tools_to_call(request: dict, message: str) -> list[dict]:
    tools = [tool for tool in request.get("tools") or [] if "input_schema" in tool]
    choice = request.get("tool_choice") or {"type": "auto"}
    if choice["type"] == "none" or not tools:
        return []
    if choice["type"] == "tool":
        return [tool for tool in tools if tool["name"] == choice["name"]]
    if choice["type"] == "auto" and _results(request):
        return []
    named = [tool for tool in tools if re.search(rf"(?<!\w){re.escape(tool['name'])}(?!\w)", message)]
    if not named and (choice["type"] == "any" or "use the tool" in message.lower()):
        named = tools[:1]
    return named[:1] if choice.get("disable_parallel_tool_use") else named


def _stop(block: dict, sequences: list[str]) -> tuple[str, str | None]:
    found = [(block["text"].find(stop), stop) for stop in sequences if stop in block["text"]]
    if not found:
        return "end_turn", None
    at, stop = min(found)
    block["text"] = block["text"][:at]
    return "stop_sequence", stop


def _limit(answer: Answer, most: int) -> None:
    """Counts the tokens, and cuts the text where there are too many."""
    spent = 0
    for block in answer.content:
        if block["type"] == "text":
            tokens = TOKEN.findall(block["text"])
            if spent + len(tokens) > most:
                block["text"] = "".join(tokens[: max(most - spent, 1)])
                answer.stop_reason, answer.stop_sequence = "max_tokens", None
                tokens = tokens[: max(most - spent, 1)]
            spent += len(tokens)
        else:
            body = block.get("thinking") or json.dumps(block.get("input"))
            spent += max(len(body) // CHARS_PER_TOKEN, 1)
    answer.output_tokens = min(max(spent, 1), most)


def _empty(block: dict) -> dict:
    return {"text": {"type": "text", "text": ""}, "thinking": {"type": "thinking", "thinking": ""},
            "tool_use": {**block, "input": {}}}[block["type"]]


def _deltas(block: dict):
    if block["type"] == "text":
        for token in TOKEN.findall(block["text"]):
            yield {"type": "text_delta", "text": token}
        rest = block["text"][len("".join(TOKEN.findall(block["text"]))):]
        if rest:
            yield {"type": "text_delta", "text": rest}
    elif block["type"] == "thinking":
        for token in TOKEN.findall(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": token}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        yield {"type": "input_json_delta", "partial_json": ""}
        text = json.dumps(block["input"], ensure_ascii=False) if block["input"] else ""
        for start in range(0, len(text), 7):
            yield {"type": "input_json_delta", "partial_json": text[start : start + 7]}


def _measure(request: dict) -> tuple[int, int, str | None]:
    """Tokens of the prompt, tokens up to its last cache mark, and what that beginning is known by."""
    parts = [("tool", tool) for tool in request.get("tools") or []]
    system = request.get("system") or []
    parts += [("system", block) for block in ([{"type": "text", "text": system}] if isinstance(system, str) else system)]
    for message in request["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        parts += [(message["role"], block) for block in blocks]
    total, marked, digest, mark = 0, 0, hashlib.sha256(str(request.get("model")).encode()), None
    for role, block in parts:
        plain = {name: value for name, value in block.items() if name != "cache_control"}
        text = json.dumps([role, plain], sort_keys=True)
        digest.update(text.encode())
        total += IMAGE_TOKENS if block.get("type") == "image" else 3 + len(text) // CHARS_PER_TOKEN
        if block.get("cache_control"):
            marked, mark = total, digest.hexdigest()
    if request.get("cache_control"):
        marked, mark = total, digest.hexdigest()
    return total, marked, mark


def _digest(request: dict) -> str:
    return hashlib.sha256(json.dumps({**request, "stream": None}, sort_keys=True).encode()).hexdigest()
