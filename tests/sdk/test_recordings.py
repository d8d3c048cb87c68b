"""What providers really said, translated for clients of every dialect, read by the dialects' own SDKs.

`cargo test -p weir-translator --test recordings` writes it where the recordings are at hand; elsewhere there is nothing
to read, and the tests say so.
"""

import json
import pathlib

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "target" / "report" / "translated"
DIALECTS = ["openai-chat", "openai-responses", "anthropic-messages"]
WHOLE = {"openai-chat": ChatCompletion, "openai-responses": Response, "anthropic-messages": Message}
EVENT = {
    "openai-chat": ChatCompletionChunk,
    "openai-responses": ResponseStreamEvent,
    "anthropic-messages": RawMessageStreamEvent,
}


def recorded(what, dialect):
    """The translated answers or streams for clients of a dialect: (name, text) of each."""
    file = FOLDER / f"{what}-{dialect}.jsonl"
    if not file.exists():
        pytest.skip("no recordings were translated on this machine")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) > 50, f"{file} holds {len(lines)}"
    return [(line["name"], line["body"]) for line in lines]


def events(stream):
    """The data of each event."""
    for block in stream.split("\n\n"):
        for line in block.splitlines():
            if line.startswith("data: ") and line != "data: [DONE]":
                yield json.loads(line.removeprefix("data: "))


def is_error(event):
    """Whether an event tells that the stream broke."""
    return event.get("type") == "error" or event.get("error") is not None and "choices" not in event


def failures(items, check):
    """What `check` finds wrong with each, by name."""
    found = []
    for name, body in items:
        try:
            check(body)
        except Exception as error:  # noqa: BLE001  all of them are findings
            found.append(f"{name}: {type(error).__name__}: {str(error)[:600]}")
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_whole_answers_are_of_the_sdks_types(dialect):
    adapter = TypeAdapter(WHOLE[dialect])
    found = failures(recorded("answers", dialect), lambda body: adapter.validate_python(json.loads(body)))
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_events_of_streams_are_of_the_sdks_types(dialect):
    adapter = TypeAdapter(EVENT[dialect])

    def check(stream):
        for event in events(stream):
            # The SDKs take these out of a stream before they look at types.
            if event.get("type") != "ping" and not is_error(event):
                adapter.validate_python(event)

    found = failures(recorded("streams", dialect), check)
    assert not found, "\n".join(found[:20])


def transport(stream):
    """Answers every request with the stream."""
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    return httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=stream.encode()))


def chat(stream):
    client = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport(stream)))
    with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as running:
        try:
            message = running.get_final_completion().choices[0].message
        except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
            # What the helper raises on purpose for answers that were cut.
            return
    deltas = [choice["delta"] for event in events(stream) for choice in event["choices"] if choice["index"] == 0]
    assert (message.content or "") == "".join(delta.get("content") or "" for delta in deltas)
    begun = [call for delta in deltas for call in delta.get("tool_calls") or [] if call.get("id")]
    assert [call.id for call in message.tool_calls or []] == [call["id"] for call in begun]


def responses(stream):
    client = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport(stream)))
    with client.responses.stream(model="m", input="hi") as running:
        for event in running:
            if event.type == "response.incomplete":
                # The helper gives out no answer that was cut.
                return
        final = running.get_final_response()
    deltas = [event["delta"] for event in events(stream) if event["type"] == "response.output_text.delta"]
    assert final.output_text == "".join(deltas)


def messages(stream):
    client = anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=transport(stream)))
    with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as running:
        final = running.get_final_message()
    deltas = [event["delta"] for event in events(stream) if event["type"] == "content_block_delta"]
    words = "".join(delta.get("text", "") for delta in deltas)
    assert "".join(block.text for block in final.content if block.type == "text") == words
    assert final.stop_reason is not None


ACCUMULATE = {"openai-chat": chat, "openai-responses": responses, "anthropic-messages": messages}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_streams_are_put_together_by_the_sdks(dialect):
    def check(stream):
        *_, last = events(stream)
        if is_error(last):
            with pytest.raises((openai.APIError, anthropic.APIError)):
                ACCUMULATE[dialect](stream)
        else:
            ACCUMULATE[dialect](stream)

    found = failures(recorded("streams", dialect), check)
    assert not found, "\n".join(found[:20])
