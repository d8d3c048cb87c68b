"""The three SDKs under one way of asking, so that one test is a test of each of them.

A `Speaker` asks as its SDK's users do, with the SDK's own helpers: `parse` for structured output, `stream` for events
that the SDK puts together. A history is a list of the dialect's own items; what was answered is replayed as it came.
"""

import json
from dataclasses import dataclass, field

import anthropic
import openai
import pydantic

LIMIT = 4096


@dataclass
class Call:
    id: str
    name: str
    arguments: dict | str
    raw: object = field(repr=False, default=None)


@dataclass
class Answer:
    text: str
    stop: str
    """`stop`, `calls`, `length` or `refused`."""
    calls: list[Call] = field(default_factory=list)
    reasoning: str = ""
    parsed: object = None
    refusal: str | None = None
    input: int = 0
    """Tokens, those from and to the cache among them."""
    output: int = 0
    cached: int = 0
    replay: list = field(default_factory=list)
    """What to append to the history."""
    pieces: int = 0
    """In how many pieces the text came."""


@dataclass
class Tool:
    name: str
    description: str
    properties: dict[str, str]

    @property
    def schema(self) -> dict:
        return {"type": "object", "properties": {name: {"type": kind} for name, kind in self.properties.items()},
                "required": list(self.properties), "additionalProperties": False}


class ChatSpeaker:
    dialect = "chat"
    errors = openai

    def __init__(self, url: str, key: str):
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=20)

    def user(self, text: str, image: str | None = None) -> list:
        if image is None:
            return [{"role": "user", "content": text}]
        return [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": image}}]}]

    def results(self, answers: list[tuple[Call, str]]) -> list:
        return [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in answers]

    def ask(self, model: str, history: list, *, streamed=False, system=None, tools=(), choice=None, shape=None, effort=None,
            limit=LIMIT, parallel=None, extra=None) -> Answer:
        messages = ([{"role": "system", "content": system}] if system else []) + history
        asked = {"model": model, "messages": messages, "max_completion_tokens": limit, **(extra or {})}
        if tools:
            asked["tools"] = [{"type": "function", "function": {"name": tool.name, "description": tool.description,
                                                                "parameters": tool.schema, "strict": True}} for tool in tools]
        if choice:
            named = choice not in ("auto", "none", "required")
            asked["tool_choice"] = {"type": "function", "function": {"name": choice}} if named else choice
        if parallel is not None:
            asked["parallel_tool_calls"] = parallel
        if effort:
            asked["reasoning_effort"] = effort
        if shape:
            asked["response_format"] = shape
        if not streamed:
            return self.read((self.client.chat.completions.parse if shape else self.client.chat.completions.create)(**asked))
        with self.client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
            pieces: list[str] = []
            try:
                pieces.extend(event.delta for event in stream if event.type == "content.delta")
                answer = self.read(stream.get_final_completion())
            except openai.LengthFinishReasonError as early:
                answer = self.read(early.completion)
            except openai.ContentFilterFinishReasonError:
                return Answer("".join(pieces), "refused")
        assert "".join(pieces) == answer.text
        answer.pieces = len(pieces)
        return answer

    @staticmethod
    def read(completion) -> Answer:
        choice = completion.choices[0]
        message = choice.message
        stop = {"stop": "stop", "tool_calls": "calls", "length": "length", "content_filter": "refused"}[choice.finish_reason]
        calls = [Call(call.id, call.function.name, json.loads(call.function.arguments), call) for call in message.tool_calls or []]
        kept = {"role": "assistant", "content": message.content}
        if calls:
            kept["tool_calls"] = [{"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.raw.function.arguments}}
                                  for call in calls]
        thoughts = getattr(message, "reasoning_content", None) or ""
        if thoughts:
            kept["reasoning_content"] = thoughts
        usage = completion.usage
        details = usage.prompt_tokens_details
        return Answer(message.content or "", stop, calls, thoughts, getattr(message, "parsed", None), message.refusal,
                      usage.prompt_tokens, usage.completion_tokens, (details.cached_tokens if details else 0) or 0, [kept])


class ResponsesSpeaker:
    dialect = "responses"
    errors = openai

    def __init__(self, url: str, key: str):
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=20)

    def user(self, text: str, image: str | None = None) -> list:
        if image is None:
            return [{"role": "user", "content": text}]
        parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": image, "detail": "auto"}]
        return [{"role": "user", "content": parts}]

    def results(self, answers: list[tuple[Call, str]]) -> list:
        return [{"type": "function_call_output", "call_id": call.id, "output": text} for call, text in answers]

    def ask(self, model: str, history: list, *, streamed=False, system=None, tools=(), choice=None, shape=None, effort=None,
            limit=LIMIT, parallel=None, extra=None) -> Answer:
        asked = {"model": model, "input": history, "max_output_tokens": limit, "store": False, **(extra or {})}
        if system:
            asked["instructions"] = system
        if tools:
            asked["tools"] = [{"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema,
                               "strict": True} for tool in tools]
        if choice:
            asked["tool_choice"] = {"type": "function", "name": choice} if choice not in ("auto", "none", "required") else choice
        if parallel is not None:
            asked["parallel_tool_calls"] = parallel
        if effort:
            asked["reasoning"] = {"effort": effort, "summary": "auto"}
            asked["include"] = ["reasoning.encrypted_content"]
        if shape:
            asked["text_format"] = shape
        if not streamed:
            return self.read((self.client.responses.parse if shape else self.client.responses.create)(**asked))
        with self.client.responses.stream(**asked) as stream:
            events = list(stream)
            # The SDK's own `get_final_response` knows of no other end than the whole one.
            early = events[-1].type == "response.incomplete"
            answer = self.read(events[-1].response if early else stream.get_final_response())
        assert [event.sequence_number for event in events] == list(range(len(events)))
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert "".join(pieces) == answer.text
        answer.pieces = len(pieces)
        return answer

    @staticmethod
    def read(response) -> Answer:
        messages = [item for item in response.output if item.type == "message"]
        parts = [part for message in messages for part in message.content]
        refusal = "".join(part.refusal for part in parts if part.type == "refusal") or None
        calls = [Call(item.call_id, item.name, json.loads(item.arguments), item) for item in response.output if item.type == "function_call"]
        reason = response.incomplete_details.reason if response.incomplete_details else None
        stop = {"max_output_tokens": "length", "content_filter": "refused"}.get(reason, "calls" if calls else "stop")
        assert (response.status == "incomplete") == bool(reason), response.status
        thoughts = [part.text for item in response.output if item.type == "reasoning" for part in item.summary or item.content or []]
        parsed = next((part.parsed for part in parts if getattr(part, "parsed", None)), None)
        usage = response.usage
        # `parsed` and `parsed_arguments` are the SDK's own additions.
        replay = [item.model_dump(exclude_none=True, exclude={"parsed_arguments": True, "content": {"__all__": {"parsed"}}}
                                  if item.type == "message" else {"parsed_arguments"}) for item in response.output]
        text = "".join(part.text for part in parts if part.type == "output_text")
        return Answer(text, stop, calls, "".join(thoughts), parsed, refusal, usage.input_tokens, usage.output_tokens,
                      usage.input_tokens_details.cached_tokens, replay)

    def count(self, model: str, history: list, tools=()) -> int:
        described = [{"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema, "strict": True}
                     for tool in tools]
        return self.client.responses.input_tokens.count(model=model, input=history, tools=described).input_tokens


class MessagesSpeaker:
    dialect = "messages"
    errors = anthropic

    def __init__(self, url: str, key: str):
        self.client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=20)

    def user(self, text: str, image: str | None = None) -> list:
        if image is None:
            return [{"role": "user", "content": text}]
        if image.startswith("data:"):
            media, _, data = image.removeprefix("data:").partition(";base64,")
            source = {"type": "base64", "media_type": media, "data": data}
        else:
            source = {"type": "url", "url": image}
        return [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image", "source": source}]}]

    def results(self, answers: list[tuple[Call, str]]) -> list:
        return [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": text} for call, text in answers]}]

    def ask(self, model: str, history: list, *, streamed=False, system=None, tools=(), choice=None, shape=None, effort=None,
            limit=LIMIT, parallel=None, extra=None) -> Answer:
        asked = {"model": model, "messages": history, "max_tokens": limit, **(extra or {})}
        if system:
            asked["system"] = system
        if tools:
            asked["tools"] = [{"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in tools]
        if choice or parallel is not None:
            kind = {"required": "any", None: "auto"}.get(choice, choice)
            asked["tool_choice"] = {"type": kind} if kind in ("auto", "any", "none") else {"type": "tool", "name": choice}
            if parallel is not None:
                asked["tool_choice"]["disable_parallel_tool_use"] = not parallel
        if effort:
            asked["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        if not streamed:
            if shape:
                return self.read(self.client.messages.parse(**asked, output_format=shape))
            return self.read(self.client.messages.create(**asked))
        if shape:
            asked["output_format"] = shape
        with self.client.messages.stream(**asked) as stream:
            pieces = [event.text for event in stream if event.type == "text"]
            answer = self.read(stream.get_final_message())
        assert "".join(pieces) == answer.text
        answer.pieces = len(pieces)
        return answer

    @staticmethod
    def read(message) -> Answer:
        stop = {"end_turn": "stop", "stop_sequence": "stop", "tool_use": "calls", "max_tokens": "length", "refusal": "refused"}[message.stop_reason]
        text = "".join(block.text for block in message.content if block.type == "text")
        calls = [Call(block.id, block.name, block.input, block) for block in message.content if block.type == "tool_use"]
        thoughts = "".join(block.thinking for block in message.content if block.type == "thinking")
        kept = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in message.content]
        usage = message.usage
        cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        return Answer(text, stop, calls, thoughts, getattr(message, "parsed_output", None), text if stop == "refused" else None,
                      usage.input_tokens + cached + written, usage.output_tokens, cached, [{"role": "assistant", "content": kept}])

    def count(self, model: str, history: list, tools=()) -> int:
        described = [{"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in tools]
        return self.client.messages.count_tokens(model=model, messages=history, tools=described).input_tokens


SPEAKERS = {"chat": ChatSpeaker, "responses": ResponsesSpeaker, "messages": MessagesSpeaker}


class Weather(pydantic.BaseModel):
    """The shape of a structured answer."""

    city: str
    degrees: int
