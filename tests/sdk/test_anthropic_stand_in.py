"""The stand-in for Anthropic, driven by Anthropic's own SDK: what this SDK takes for the API may stand in for it."""

import json
import sys
import time
import urllib.request

import anthropic
import httpx2 as httpx
import pytest
from conftest import ROOT, server, wait_for

KEY = "sk-ant-test-canary"
MODEL = "claude-haiku-4-5"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
CITY = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}}, "required": ["city", "unit"]}
WEATHER = {"name": "get_weather", "description": "The weather in a city", "input_schema": CITY}
TIME = {"name": "get_time", "description": "The time in a city", "input_schema": CITY}


@pytest.fixture(scope="module")
def url():
    command = [sys.executable, ROOT / "tests/stand-ins/anthropic_server.py", "--port", "0", "--key", KEY, "--cache-minimum", "64"]
    with server(command, lambda process: process.stdout.readline().split()[-1]) as address:
        yield f"http://{address}"


@pytest.fixture
def client(url):
    with anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0, timeout=10) as client:
        yield client


def requests(url):
    with urllib.request.urlopen(f"{url}/requests", timeout=5) as answer:
        return json.load(answer)


def user(content):
    return [{"role": "user", "content": content}]


def ask(client, content, **more):
    return client.messages.create(**{"model": MODEL, "max_tokens": 256, "messages": user(content), **more})


def raw_post(url, body, headers=None):
    usual = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    return httpx.post(f"{url}/v1/messages", json=body, headers=usual if headers is None else headers, timeout=10)


def test_text_whole_and_streamed_is_the_same(client):
    whole = ask(client, "Hello there", system="Be brief.")
    assert whole.type == "message" and whole.role == "assistant" and whole.stop_reason == "end_turn"
    assert "Hello there" in whole.content[0].text
    assert whole.usage.input_tokens > 0 and whole.usage.output_tokens > 0
    with client.messages.stream(model=MODEL, max_tokens=256, system="Be brief.", messages=user("Hello there")) as stream:
        assert "".join(stream.text_stream) == whole.content[0].text
        final = stream.get_final_message()
    assert final.usage.output_tokens == whole.usage.output_tokens and final.usage.input_tokens == whole.usage.input_tokens
    assert final.id.startswith("msg_01")


def test_events_come_in_the_apis_order(client):
    kinds = [event.type for event in ask(client, "Hello", stream=True)]
    assert kinds[:2] == ["message_start", "content_block_start"] and kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) <= {"ping", "content_block_delta"} and kinds.count("content_block_delta") > 2


def test_the_wire_carries_the_ping_after_the_first_block_start(url):
    body = {"model": MODEL, "max_tokens": 64, "messages": user("Hello"), "stream": True}
    answer = raw_post(url, body)
    names = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    assert names[:4] == ["message_start", "content_block_start", "ping", "content_block_delta"]
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8" and answer.headers["request-id"].startswith("req_")


def test_parallel_tools_streamed_in_pieces_and_their_results(client):
    question = "Use get_weather and get_time for Paris"
    with client.messages.stream(model=MODEL, max_tokens=256, tools=[WEATHER, TIME], messages=user(question)) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()
    assert final.stop_reason == "tool_use" and len(pieces) > 4
    calls = [block for block in final.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["get_weather", "get_time"] and final.content[0].type == "text"
    assert all(call.input["unit"] in ("c", "f") and isinstance(call.input["city"], str) for call in calls)

    results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"{call.name}: fine"} for call in calls]
    turns = [*user(question), {"role": "assistant", "content": final.content}, {"role": "user", "content": results}]
    answer = client.messages.create(model=MODEL, max_tokens=256, tools=[WEATHER, TIME], messages=turns)
    assert "get_weather: fine" in answer.content[0].text and "get_time: fine" in answer.content[0].text


def test_tool_choice_is_obeyed(client):
    one = ask(client, "get_weather, get_time", tools=[WEATHER, TIME], tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert [block.name for block in one.content if block.type == "tool_use"] == ["get_weather"]
    forced = ask(client, "Hi", tools=[WEATHER, TIME], tool_choice={"type": "tool", "name": "get_time"})
    assert [block.type for block in forced.content] == ["tool_use"] and forced.content[0].name == "get_time"
    assert ask(client, "get_weather", tools=[WEATHER], tool_choice={"type": "none"}).stop_reason == "end_turn"


def test_images_by_data_and_by_url(client):
    for source in ({"type": "base64", "media_type": "image/png", "data": PIXEL}, {"type": "url", "url": "https://example.com/a.png"}):
        answer = ask(client, [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}])
        assert "What is this?" in answer.content[0].text and answer.usage.input_tokens > 1000


def test_stop_sequences_and_limits_end_an_answer(client):
    stopped = ask(client, "one STOP two", stop_sequences=["STOP"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "STOP") and "two" not in stopped.content[0].text
    short = ask(client, "[[anthropic:tokens=50]]", max_tokens=5)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 5)
    assert ask(client, "[[anthropic:stop=refusal]]").stop_reason == "refusal"


def test_a_marked_beginning_is_written_to_the_cache_and_then_read(client):
    system = [{"type": "text", "text": "A long instruction. " * 40, "cache_control": {"type": "ephemeral"}}]
    first, second = (ask(client, question, system=system).usage for question in ("One?", "Two?"))
    assert first.cache_creation_input_tokens > 64 and first.cache_read_input_tokens == 0
    assert second.cache_read_input_tokens == first.cache_creation_input_tokens and second.cache_creation_input_tokens == 0
    with client.messages.stream(model=MODEL, max_tokens=64, system=system, messages=user("Three?")) as stream:
        assert stream.get_final_message().usage.cache_read_input_tokens == second.cache_read_input_tokens


def test_thinking_has_a_signature_that_can_be_sent_back(client):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    question = user("Why? [[anthropic:thinking]]")
    with client.messages.stream(model=MODEL, max_tokens=2048, thinking=thinking, messages=question) as stream:
        final = stream.get_final_message()
    assert final.content[0].type == "thinking" and final.content[0].thinking and final.content[0].signature
    turns = [*question, {"role": "assistant", "content": final.content}, *user("And?")]
    assert client.messages.create(model=MODEL, max_tokens=2048, thinking=thinking, messages=turns).content[0].type == "text"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.APIStatusError, "overloaded_error"),
    ],
)
def test_errors_on_demand_have_the_apis_shape(client, status, error, kind):
    with pytest.raises(error) as caught:
        ask(client, f"[[anthropic:error={status}]]")
    assert caught.value.status_code == status and caught.value.body["error"]["type"] == kind
    assert caught.value.request_id.startswith("req_")
    assert ("retry-after" in caught.value.response.headers) == (status == 429)


def test_only_the_key_gets_in_and_only_known_models_answer(url, client):
    with pytest.raises(anthropic.AuthenticationError):
        ask(client.with_options(api_key="wrong"), "Hi")
    with pytest.raises(anthropic.NotFoundError) as caught:
        ask(client, "Hi", model="claude-none")
    assert caught.value.body["error"] == {"type": "not_found_error", "message": "model: claude-none"}
    body = {"model": MODEL, "max_tokens": 5, "messages": user("Hi")}
    version = {"anthropic-version": "2023-06-01"}
    assert raw_post(url, body, version).status_code == 401
    for headers, status in [
        ({"x-api-key": KEY}, 200),
        ({"authorization": f"Bearer {KEY}"}, 200),
        ({"authorization": f"Basic {KEY}"}, 401),
        ({"x-api-key": KEY, "authorization": "Bearer wrong"}, 401),
    ]:
        assert raw_post(url, body, {**version, **headers}).status_code == status, headers
    assert "anthropic-version" in raw_post(url, body, {"x-api-key": KEY}).json()["error"]["message"]


def test_an_error_event_ends_a_stream(client):
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(ask(client, "[[anthropic:error-event]]", stream=True))
    assert caught.value.body["error"]["type"] == "overloaded_error"


def test_a_cut_stream_is_told_from_a_complete_one(url, client):
    seen = []
    with pytest.raises(httpx.RemoteProtocolError):
        for event in ask(client, "[[anthropic:cut=4]]", stream=True):
            seen.append(event.type)
    assert seen[-1] == "content_block_delta" and "message_stop" not in seen
    with pytest.raises(anthropic.APIConnectionError):
        ask(client, "[[anthropic:cut]]")
    assert [record["ending"] for record in requests(url)[-2:]] == ["cut", "cut"]


def test_a_client_that_leaves_is_noticed_at_once(url, client):
    for directive in ("hang", "hang=2", "first=60000", "delay=300"):
        began = time.monotonic()
        with pytest.raises((anthropic.APITimeoutError, httpx.ReadTimeout)):
            list(ask(client.with_options(timeout=0.2), f"[[anthropic:{directive}]]", stream=True))
        record = wait_for(lambda: requests(url)[-1]["ending"] and requests(url)[-1], "the end of the request", 2)
        assert record["ending"] == "client-gone" and time.monotonic() - began < 1.5, directive


def test_tokens_are_counted_without_an_answer(client):
    short = client.messages.count_tokens(model=MODEL, messages=user("Hi")).input_tokens
    long = client.messages.count_tokens(model=MODEL, messages=user("Hi " * 100), system="x", tools=[WEATHER]).input_tokens
    assert 0 < short < long
    assert ask(client, "Hi").usage.input_tokens == short


def test_models_are_listed_and_found(client):
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL


def test_what_came_is_told_without_its_keys(url, client):
    ask(client, "Remember this", metadata={"user_id": "u1"})
    record = requests(url)[-1]
    shown = [record["headers"].get(name) for name in ("x-api-key", "authorization")]
    assert record["body"]["metadata"] == {"user_id": "u1"} and "<redacted>" in shown
    assert (record["method"], record["path"], record["status"], record["ending"]) == ("POST", "/v1/messages", 200, "complete")
    assert KEY not in json.dumps(requests(url))


@pytest.mark.parametrize(
    ("change", "begins"),
    [
        ({"temperature": 1}, "temperature: "),
        ({"top_p": 0.5}, "top_p: "),
        ({"top_k": 5}, "top_k: "),
        ({"messages": [*user("x"), {"role": "assistant", "content": [PDF]}, *user("y")]}, "messages.1.content.0: document"),
        ({"messages": user([{"type": "text", "text": "x", "citations": [{}]}])}, "messages.0.content.0.citations: "),
    ],
)
def test_what_the_version_of_2026_removed_is_taken_only_under_the_older_one(url, change, begins):
    body = {"model": MODEL, "max_tokens": 50, "messages": user("Hi"), **change}
    newer, older = (raw_post(url, body, {"x-api-key": KEY, "anthropic-version": name}) for name in ("2026-10-21", "2023-06-01"))
    assert newer.status_code == 400 and newer.json()["error"]["message"].startswith(begins)
    assert older.status_code == 200


TOOL_USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}]}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}
JPEG = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PIXEL}}


@pytest.mark.parametrize(
    ("change", "begins"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens: "),
        ({"max_tokens": "9"}, "max_tokens: "),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "messages: at least one"),
        ({"model": None}, "model: Field required"),
        ({"n": 2}, "n: Extra inputs are not permitted"),
        ({"max_completion_tokens": 5}, "max_completion_tokens: Extra inputs are not permitted"),
        ({"context_management": {}}, "context_management: Extra inputs are not permitted"),
        ({"temperature": 1.5}, "temperature: "),
        ({"stop_sequences": [" "]}, "stop_sequences.0: "),
        ({"system": 5}, "system: "),
        ({"system": [{"type": "image"}]}, "system.0: "),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0: Unexpected role"),
        ({"messages": [{"role": "system", "content": "x"}, *user("x")]}, "messages.0: "),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, "messages.0.name: Extra inputs"),
        ({"messages": user([{"type": "text", "text": ""}])}, "messages: text content blocks must be non-empty"),
        ({"messages": user([{"type": "text", "text": "x", "id": 1}])}, "messages.0.content.0.text.id: Extra inputs"),
        ({"messages": user([{"type": "image_url"}])}, "messages.0.content.0: Input tag 'image_url'"),
        ({"messages": user([JPEG])}, "messages.0.content.0.image.source.base64.data: "),
        ({"messages": user([RESULT])}, "messages.0.content.0: unexpected `tool_use_id`"),
        ({"messages": [*user("x"), TOOL_USE, *user("y")]}, "messages.1: `tool_use` ids were found without"),
        ({"messages": [*user("x"), TOOL_USE]}, "messages.1: `tool_use` ids were found without"),
        ({"messages": [*user("x"), {"role": "assistant", "content": "y "}]}, "messages: final assistant content"),
        ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "tools.0.custom.name: "),
        ({"tools": [{"name": "a"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [{"type": "function", "function": {}}], "tool_choice": "auto"}, "tool_choice: "),
        ({"tools": [WEATHER, WEATHER]}, "tools: Tool names must be unique"),
        ({"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "none"}}, "Tool 'none' not found"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "max_tokens: must be greater"),
    ],
)
def test_what_the_api_refuses_is_refused_with_its_field(url, change, begins):
    body = {"model": MODEL, "max_tokens": 50, "messages": user("Hi"), **change}
    answer = raw_post(url, {name: value for name, value in body.items() if value is not None})
    error = answer.json()
    assert answer.status_code == 400 and error["type"] == "error" and error["error"]["type"] == "invalid_request_error"
    assert error["error"]["message"].startswith(begins)


THOUGHT_TURN = {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "y"}, *TOOL_USE["content"]]}


def test_a_budget_wants_the_thoughts_of_a_turn_that_calls_tools(url):
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": TOOL_USE["content"][0]["id"], "content": "z"}]}
    body = {"model": MODEL, "max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    lacking = raw_post(url, {**body, "messages": [*user("x"), TOOL_USE, result]})
    assert lacking.status_code == 400 and "Expected `thinking`" in lacking.json()["error"]["message"]
    assert raw_post(url, {**body, "messages": [*user("x"), THOUGHT_TURN, result]}).status_code == 200
    adaptive = {**body, "thinking": {"type": "adaptive"}, "messages": [*user("x"), TOOL_USE, result]}
    assert raw_post(url, adaptive).status_code == 200
