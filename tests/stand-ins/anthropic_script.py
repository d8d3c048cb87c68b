"""A script's turns in Anthropic's words, and a request to Anthropic in a script's words."""

import hashlib
import json

import anthropic_answers as answers
from anthropic_errors import invalid
from script import Result, Seen, Turn, Usage, arguments, find_tool
from stand_in import proof

STOPS = {"length": "max_tokens", "filter": "refusal"}
# `tool_choice` as a script names it.
CHOICES = {"any": "required"}


def see(body: dict) -> Seen:
    """What a request holds; thoughts that were not signed here are refused, as by the API."""
    seen = Seen(body["model"], system=_text(body.get("system") or ""), limit=body["max_tokens"], temperature=body.get("temperature"))
    seen.stop = body.get("stop_sequences") or []
    seen.tools = _tools(body)
    choice = body.get("tool_choice") or {"type": "auto"}
    seen.choice = choice["name"] if choice["type"] == "tool" else CHOICES.get(choice["type"], choice["type"])
    seen.parallel = not choice.get("disable_parallel_tool_use")
    output = body.get("output_config") or {}
    seen.effort = output.get("effort")
    form = output.get("format") or body.get("output_format") or {}
    seen.schema = form.get("schema")
    for index, message in enumerate(body["messages"]):
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        _message(message["role"], blocks, seen, f"messages.{index}.content")
    return seen


def content(turn: Turn, body: dict) -> list[dict]:
    """The turn as content blocks."""
    made = []
    thinking = body.get("thinking") or {"type": "disabled"}
    for position, part in enumerate(turn.say):
        if "reasoning" in part:
            if thinking["type"] != "disabled":
                told = "" if thinking.get("display") == "omitted" else part["reasoning"]
                made.append({"type": "thinking", "thinking": told, "signature": proof(told)})
        elif "call" in part:
            _, name, kind = find_tool(_tools(body), part["call"], part.get("namespace"))
            mark = hashlib.sha256(f"{turn.number}.{position}".encode()).hexdigest()[:22]
            made.append({"type": "tool_use", "id": f"toolu_01{mark}", "name": name, "input": json.loads(arguments(part, kind))})
        else:
            made.append({"type": "text", "text": json.dumps(part["json"]) if "json" in part else part.get("text", part.get("refusal"))})
    return made


def answer(turn: Turn, body: dict, usage: Usage) -> answers.Answer:
    reason = STOPS.get(turn.stop)
    if any("refusal" in part for part in turn.say):
        reason = "refusal"
    calls = any("call" in part for part in turn.say)
    return answers.Answer(content(turn, body), reason or ("tool_use" if calls else "end_turn"), None, usage.output)


def input_usage(usage: Usage) -> dict:
    """The input side of the usage, which counts the cache apart."""
    return {"input_tokens": usage.input - usage.cached - usage.cache_write, "cache_creation_input_tokens": usage.cache_write,
            "cache_read_input_tokens": usage.cached,
            "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0}}


def _message(role: str, blocks: list[dict], seen: Seen, at: str) -> None:
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    results = [block for block in blocks if block["type"] == "tool_result"]
    if role == "system":
        # In the middle of a conversation; it stands behind the answers of tools without ending the turn.
        seen.system += "\n" + "\n".join(texts)
        return
    seen.results = ([] if role == "assistant" else seen.results) + [_result(block) for block in results]
    seen.images += sum(block["type"] == "image" for block in blocks)
    seen.documents += sum(block["type"] == "document" for block in blocks)
    if role == "user":
        seen.user += texts
        return
    seen.assistant += texts
    seen.calls += [block["name"] for block in blocks if block["type"] == "tool_use"]
    for position, block in enumerate(blocks):
        if block["type"] == "thinking":
            if block["signature"] != proof(block["thinking"]):
                raise invalid(f"{at}.{position}", "Invalid `signature` in `thinking` block")
            seen.reasoning += 1


def _result(block: dict) -> Result:
    parts = block.get("content") or ""
    images = 0 if isinstance(parts, str) else sum(part["type"] == "image" for part in parts)
    return Result(_text(parts), bool(block.get("is_error")), images)


def _text(parts: object) -> str:
    return parts if isinstance(parts, str) else "\n".join(part.get("text", part.get("tool_name", "")) for part in parts)


def _tools(body: dict) -> dict:
    return {(None, tool["name"]): "function" if "input_schema" in tool else tool["type"] for tool in body.get("tools") or []}
