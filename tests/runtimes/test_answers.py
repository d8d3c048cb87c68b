"""Answers: whole, streamed, with tools, from either provider."""

import json
import socket
import uuid

import openai
from scene import KEY, OTHER_KEY, SECRETS
from wire import Transfer

EVENTS = 60

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(text):
    return [{"role": "user", "content": text}]


def test_plain(client):
    """A whole answer."""
    answer = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=ask("river"))
    parsed = answer.parse()
    assert parsed.choices[0].message.content == "river#0 river#1 river#2 river#3 river#4 "
    assert (parsed.choices[0].finish_reason, parsed.usage.completion_tokens) == ("stop", 5)
    assert not [name for name in answer.headers if name.startswith("x-weir-")]
    assert answer.headers["x-request-id"]


def test_streamed(client, provider):
    """A stream's events come one by one, each before the next is sent."""
    name = f"one-by-one-{uuid.uuid4().hex[:8]}"
    call = provider.call(name)
    # The answer's head comes with its first event, not before.
    call.send()
    stream = client.chat.completions.create(
        model="gpt-4o", messages=ask(f"[[openai:step={name}]] [[openai:tokens=20]]"), stream=True
    )
    assert next(stream).choices[0].delta.role == "assistant"
    for number in range(20):
        call.send()
        assert next(stream).choices[0].delta.content == f"{name}#{number} "
    call.send()
    assert next(stream).choices[0].finish_reason == "stop"
    # The usage that Weir asks for and the client did not, and the end.
    for _ in range(3):
        call.send()
    assert not list(stream)


def test_not_held_back(serving):
    """Events that come 5 ms apart leave 5 ms apart: none waits for an acknowledgement, none is merged with another."""
    # A busy machine merges, too: one good run of three shows that the runtime does not.
    assert any(reads_of_their_own(serving) >= EVENTS * 3 // 4 for _ in range(3))


def reads_of_their_own(serving):
    """How many events a client that acknowledges late reads by themselves."""
    text = f"[[openai:pace=5]] [[openai:tokens={EVENTS}]]"
    transfer = Transfer.post(serving.port, KEY, {"model": "gpt-4o", "messages": ask(text), "stream": True})
    transfer.head()
    alone, last = 0, b""
    while not last.endswith(b"0\r\n\r\n"):
        transfer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        last = transfer.socket.recv(65536)
        assert last, "the stream was cut"
        alone += last.count(b"data:") == 1
    return alone


def test_tools(client):
    """Tool calls, whole and streamed, and their results."""
    question = dict(model="gpt-4o", messages=ask("What is the weather in Paris?"), tools=[WEATHER], tool_choice="required")
    whole = client.chat.completions.create(**question).choices[0]
    [call] = whole.message.tool_calls
    assert (whole.finish_reason, call.function.name, call.function.arguments) == ("tool_calls", "get_weather", '{"city": "Paris"}')
    chunks = list(client.chat.completions.create(**question, stream=True))
    pieces = [part.function.arguments for chunk in chunks for part in chunk.choices[0].delta.tool_calls or []]
    assert len(pieces) == 3 and "".join(pieces) == call.function.arguments
    history = question["messages"] + [whole.message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    again = client.chat.completions.create(model="gpt-4o", messages=history, tools=[WEATHER])
    assert again.choices[0].message.content


def test_translated(client):
    """OpenAI's SDK, Anthropic's model: whole, streamed, tools."""
    question = dict(model="claude-sonnet-4-6", messages=ask("Say hello"), max_completion_tokens=64)
    whole = client.chat.completions.create(**question)
    chunks = list(client.chat.completions.create(**question, stream=True, stream_options={"include_usage": True}))
    assert "Say hello" in whole.choices[0].message.content
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens > 0
    question.update(messages=ask("Use the tool get_weather for Paris."), tools=[WEATHER], tool_choice="required")
    [call] = client.chat.completions.create(**question).choices[0].message.tool_calls
    pieces = [
        part.function.arguments or ""
        for chunk in client.chat.completions.create(**question, stream=True)
        for part in (chunk.choices[0].delta.tool_calls or [] if chunk.choices else [])
    ]
    assert call.function.name == "get_weather" and json.loads("".join(pieces)) == json.loads(call.function.arguments)


def test_anthropic(claude):
    """Anthropic's SDK, Anthropic's model: whole and streamed."""
    question = dict(model="claude-sonnet-4-6", max_tokens=64, messages=ask("Say hello"))
    whole = claude.messages.create(**question)
    with claude.messages.stream(**question) as stream:
        assert "".join(stream.text_stream) == whole.content[0].text
        assert stream.get_final_message().usage.output_tokens == whole.usage.output_tokens > 0


def test_models(client, serving):
    """A caller sees its own models, and no other tenant's."""
    other = openai.OpenAI(base_url=f"{serving.url}/v1", api_key=OTHER_KEY, max_retries=0)
    assert [model.id for model in other.models.list()] == ["other-gpt"]
    assert other.chat.completions.create(model="other-gpt", messages=ask("brook")).choices[0].message.content.startswith("brook#0")
    assert "other-gpt" not in {model.id for model in client.models.list()}


def test_log(client, serving):
    """Neither keys nor prompts are in what the runtime logs."""
    answer = client.chat.completions.create(model="gpt-4o", messages=ask("the-prompt-canary"))
    assert answer.choices[0].message.content.startswith("the-prompt-canary#0")
    log = serving.log()
    assert not [secret for secret in (KEY, *SECRETS.values(), "the-prompt-canary") if secret in log]
