"""The real `openai` SDK with Anthropic as the backend: a stand-in that the real `anthropic` SDK has accepted."""

import json
import sys

import openai
import pytest
from conftest import KEY, PROVIDER_KEY, ROOT, Weir, now, server, wait_for

from test_openai import WEATHER, ask

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def anthropic_url():
    command = [sys.executable, ROOT / "tests/stand-ins/anthropic_server.py", "--port", "0", "--key", PROVIDER_KEY]
    with server(command, lambda process: process.stdout.readline().split()[-1]) as address:
        yield f"http://{address}"


@pytest.fixture(scope="module")
def client(anthropic_url, tmp_path_factory):
    backends = {
        "claude": {
            "type": "anthropic",
            "url": anthropic_url,
            "network": "private",
            "key": {"env": "PROVIDER_TEST_KEY"},
        }
    }
    models = [{"name": "claude-*", "targets": [{"backend": "claude"}]}]
    with Weir(tmp_path_factory.mktemp("weir-claude"), models=models, backends=backends) as running:
        client = openai.OpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0, timeout=20)
        client.weir = running
        yield client


def create(client, messages, **more):
    return client.chat.completions.create(model="claude-sonnet-4-5", messages=messages, max_completion_tokens=64, **more)


def test_text_whole_and_streamed_with_usage(client):
    messages = [{"role": "system", "content": "Be brief."}] + ask("Say hello")
    whole = create(client, messages)
    assert whole.object == "chat.completion" and whole.choices[0].message.content
    assert whole.choices[0].finish_reason == "stop" and whole.usage.prompt_tokens > 0
    chunks = list(create(client, messages, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_tools_and_their_results(client):
    question = ask("What is the weather in Paris? Use the tool get_weather.")
    whole = create(client, question, tools=[WEATHER], tool_choice="required")
    call = whole.choices[0].message.tool_calls[0]
    assert whole.choices[0].finish_reason == "tool_calls" and call.function.name == "get_weather"
    pieces = [
        part.function.arguments or ""
        for chunk in create(client, question, tools=[WEATHER], tool_choice="required", stream=True)
        for part in (chunk.choices[0].delta.tool_calls or [] if chunk.choices else [])
    ]
    assert json.loads("".join(pieces)) == json.loads(call.function.arguments)
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    again = create(client, question + [whole.choices[0].message.model_dump(exclude_none=True), result], tools=[WEATHER])
    assert again.choices[0].message.content


def test_images_by_data_and_by_url(client):
    for url in [PIXEL, "https://example.com/weir.png"]:
        content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
        assert create(client, [{"role": "user", "content": content}]).choices[0].message.content


def test_what_anthropic_cannot_have_is_refused_by_name(client):
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, ask("hi"), logit_bias={"50256": -100})
    assert caught.value.param == "logit_bias" and caught.value.code == "unsupported_parameter"


def test_an_overloaded_provider_and_one_that_breaks_off(client):
    with pytest.raises(openai.APIStatusError) as busy:
        create(client, ask("[[anthropic:error=529]]"))
    assert busy.value.status_code in (503, 529)
    before = now()
    with pytest.raises(openai.APIError):
        list(create(client, ask("[[anthropic:cut=4]]"), stream=True))
    record = wait_for(lambda: client.weir.records(before), "a settlement", 10)[0]
    assert record["ending"] == "truncated"


def test_h1_the_providers_key_is_never_seen(client):
    with pytest.raises(openai.APIStatusError) as caught:
        create(client, ask("[[anthropic:error=401]]"))
    assert caught.value.status_code == 502 and caught.value.code == "upstream_auth"
    assert PROVIDER_KEY not in str(caught.value.body) and PROVIDER_KEY not in client.weir.output()
