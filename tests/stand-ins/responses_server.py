"""A stand-in for OpenAI's responses, for tests of what talks to them.

    python responses_server.py --port 0 --key sk-test
    listening 127.0.0.1:43211

It is strict where the API is strict (see `responses_rules.py`), stores nothing, and says what a script tells it to (see
`script.py`).
"""

import hashlib
import json
import time

import openai_rules
import responses_rules as rules
from chat_server import words
from http_wire import Connection, Request
from openai_endpoints import OpenaiStandIn
from script import Result, Seen, Turn, Usage, arguments, find_tool
from stand_in import arguments as options
from stand_in import pieces, proof, run


class ResponsesStandIn(OpenaiStandIn):
    async def generate(self, connection: Connection, request: Request, record: dict, headers: dict[str, str]) -> bool:
        match request.method, request.path:
            case "POST", "/v1/responses":
                body = rules.check_response(self.json(request))
                self.check_model(body["model"])
                await self.play(connection, body, record, headers)
            case "POST", "/v1/responses/input_tokens":
                body = rules.check_count(self.json(request))
                self.check_model(body["model"])
                await connection.send_json(200, {"object": "response.input_tokens", "input_tokens": self.count(body)}, headers)
                record["status"] = 200
            case _:
                return False
        return True

    def seen(self, body: dict) -> Seen:
        seen = Seen(body["model"], system=body.get("instructions") or "", temperature=body.get("temperature"))
        seen.effort = (body.get("reasoning") or {}).get("effort")
        seen.limit = body.get("max_output_tokens")
        seen.tools = rules.tools_of(body)
        choice = body.get("tool_choice") or "auto"
        seen.choice = choice if isinstance(choice, str) else choice.get("name", choice["type"])
        seen.parallel = body.get("parallel_tool_calls") is not False
        form = (body.get("text") or {}).get("format") or {}
        seen.schema = form.get("schema")
        for item in rules.items_of(body):
            self.see(item, seen)
        return seen

    @staticmethod
    def see(item: dict, seen: Seen) -> None:
        kind, role = item.get("type", "message"), item.get("role")
        if kind in (*rules.CALLS.values(), "additional_tools"):
            if kind in rules.CALLS.values():
                parts = item.get("output") if isinstance(item.get("output"), list) else []
                images = [part for part in parts if part["type"] == "input_image"]
                seen.results.append(Result(rules.text_of(item.get("output")), images=len(images)))
            return
        content = item.get("content")
        text = rules.text_of(content) if role else ""
        parts = [part["type"] for part in content] if isinstance(content, list) else []
        if role in ("system", "developer"):
            seen.system += "\n" + text
            return
        if role == "user":
            seen.user.append(text)
            seen.images += parts.count("input_image")
            seen.documents += parts.count("input_file")
            return
        seen.results = []
        if role == "assistant":
            seen.assistant.append(text)
        elif kind == "reasoning":
            seen.reasoning += bool(item.get("encrypted_content"))
        elif kind in rules.CALLS:
            seen.calls.append(item.get("name", kind))

    def whole(self, turn: Turn, body: dict, usage: Usage) -> dict:
        return ended(self.frame(turn, body), turn, self.items(turn, body), usage)

    def frames(self, turn: Turn, body: dict, usage: Usage) -> list[bytes]:
        frame = self.frame(turn, body)
        items = self.items(turn, body)
        events = [{"type": "response.created", "response": frame}, {"type": "response.in_progress", "response": frame}]
        for index, item in enumerate(items):
            events += item_events(index, item)
        last = ended(frame, turn, items, usage)
        events.append({"type": f"response.{last['status']}", "response": last})
        return [encode({**event, "sequence_number": number}) for number, event in enumerate(events)]

    def error_frame(self) -> bytes:
        return encode({"type": "error", "code": "server_error", "message": "The server had an error while processing your request.",
                       "param": None, "sequence_number": 99})

    def items(self, turn: Turn, body: dict) -> list[dict]:
        """The turn as the items of an output; words and a refusal in a row are one message."""
        made: list[dict] = []
        for position, part in enumerate(turn.say):
            mark = hashlib.sha256(f"{turn.number}.{position}".encode()).hexdigest()[:40]
            if "reasoning" in part:
                made.append(self.thought(part["reasoning"], f"rs_{mark}", body))
            elif "call" in part:
                made.append(self.call(part, mark, body))
            else:
                said = {"type": "refusal", "refusal": part["refusal"]} if "refusal" in part else \
                    {"type": "output_text", "annotations": [], "logprobs": [], "text": words(part)}
                if not made or made[-1]["type"] != "message":
                    made.append({"id": f"msg_{mark}", "type": "message", "status": "completed", "content": [], "role": "assistant"})
                made[-1]["content"].append(said)
        if turn.stop and made and made[-1]["type"] == "message":
            made[-1]["status"] = "incomplete"
        return made

    @staticmethod
    def thought(text: str, identity: str, body: dict) -> dict:
        # A summary is told only to those who ask; the stand-in's own proof is over what was told.
        told = text if (body.get("reasoning") or {}).get("summary") else ""
        item = {"id": identity, "type": "reasoning", "summary": [{"type": "summary_text", "text": told}] if told else []}
        if "reasoning.encrypted_content" in (body.get("include") or []):
            item["encrypted_content"] = rules.ENCRYPTED + proof(told)
        return item

    @staticmethod
    def call(part: dict, mark: str, body: dict) -> dict:
        namespace, name, kind = find_tool(rules.tools_of(body), part["call"], part.get("namespace"))
        held = {"name": name, "call_id": f"call_{mark[:24]}", "status": "completed", **({"namespace": namespace} if namespace else {})}
        if kind == "custom":
            return {"id": f"ctc_{mark}", "type": "custom_tool_call", "input": arguments(part, kind), **held}
        return {"id": f"fc_{mark}", "type": "function_call", "arguments": arguments(part, kind), **held}

    @staticmethod
    def frame(turn: Turn, body: dict) -> dict:
        """The response as it begins: what was asked, with the API's defaults."""
        reasons = openai_rules.is_reasoning(body["model"])
        return {"id": f"resp_{turn.number:048}", "object": "response", "created_at": int(time.time()), "status": "in_progress",
                "background": False, "completed_at": None, "error": None, "incomplete_details": None,
                "instructions": body.get("instructions"), "max_output_tokens": body.get("max_output_tokens"),
                "max_tool_calls": body.get("max_tool_calls"), "model": f"{body['model']}-2026-10-01", "output": [],
                "parallel_tool_calls": body.get("parallel_tool_calls") is not False, "previous_response_id": None,
                "prompt_cache_key": body.get("prompt_cache_key"), "prompt_cache_retention": "in_memory",
                "reasoning": {"effort": "medium" if reasons else None, "summary": None, **(body.get("reasoning") or {})},
                "safety_identifier": body.get("safety_identifier"), "service_tier": "default", "store": body.get("store") is not False,
                "temperature": body.get("temperature") or 1.0, "text": {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})},
                "tool_choice": body.get("tool_choice") or "auto", "tools": body.get("tools") or [], "top_logprobs": 0,
                "top_p": body.get("top_p") or 1.0, "truncation": "disabled", "usage": None, "user": None, "metadata": body.get("metadata") or {}}


def ended(frame: dict, turn: Turn, items: list[dict], usage: Usage) -> dict:
    """The response as it ends."""
    reason = {"length": "max_output_tokens", "filter": "content_filter"}.get(turn.stop)
    figures = {"input_tokens": usage.input,
               "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
               "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": usage.reasoning},
               "total_tokens": usage.input + usage.output}
    return {**frame, "status": "incomplete" if reason else "completed", "completed_at": int(time.time()), "output": items,
            "incomplete_details": {"reason": reason} if reason else None, "usage": figures}


def item_events(index: int, item: dict):
    """An item as events, in the API's order."""
    opened = {"message": {"content": []}, "function_call": {"arguments": ""}, "custom_tool_call": {"input": ""}, "reasoning": {"summary": []}}
    status = {} if item["type"] == "reasoning" else {"status": "in_progress"}
    where = {"item_id": item["id"], "output_index": index}
    yield {"type": "response.output_item.added", "output_index": index, "item": {**item, **opened[item["type"]], **status}}
    match item["type"]:
        case "message":
            for position, part in enumerate(item["content"]):
                yield from part_events({**where, "content_index": position}, part)
        case "reasoning":
            for position, part in enumerate(item["summary"]):
                at = {**where, "summary_index": position}
                yield {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}
                yield from ({"type": "response.reasoning_summary_text.delta", **at, "delta": piece} for piece in pieces(part["text"], 9))
                yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
                yield {"type": "response.reasoning_summary_part.done", **at, "part": part}
        case "function_call":
            name = "response.function_call_arguments"
            yield from ({"type": f"{name}.delta", **where, "delta": piece} for piece in pieces(item["arguments"], 6))
            yield {"type": f"{name}.done", **where, "arguments": item["arguments"], "name": item["name"]}
        case "custom_tool_call":
            name = "response.custom_tool_call_input"
            yield from ({"type": f"{name}.delta", **where, "delta": piece} for piece in pieces(item["input"], 6))
            yield {"type": f"{name}.done", **where, "input": item["input"]}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def part_events(at: dict, part: dict):
    member = "refusal" if part["type"] == "refusal" else "text"
    name = "response.refusal" if member == "refusal" else "response.output_text"
    more = {} if member == "refusal" else {"logprobs": []}
    yield {"type": "response.content_part.added", **at, "part": {**part, member: ""}}
    yield from ({"type": f"{name}.delta", **at, "delta": piece, **more} for piece in pieces(part[member], 7))
    yield {"type": f"{name}.done", **at, member: part[member], **more}
    yield {"type": "response.content_part.done", **at, "part": part}


def encode(event: dict) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


if __name__ == "__main__":
    chosen = options(__doc__).parse_args()
    run(ResponsesStandIn(chosen.key, chosen.model), chosen.port)
