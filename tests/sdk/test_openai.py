"""The real `openai` SDK, unchanged, against both tiers and a simulated model."""

import json

import openai
import pytest
from conftest import KEY, OTHER_KEY, now, wait_for

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def client(weir):
    return openai.OpenAI(base_url=f"{weir.url}/v1", api_key=KEY, max_retries=0, timeout=20)


def ask(text):
    return [{"role": "user", "content": text}]


def test_a_whole_answer(client, weir):
    answer = client.chat.completions.create(model="sim", messages=ask("Tell me of rivers [[sim:tokens=12]]"))
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12


def test_a_stream_comes_piece_by_piece_and_says_usage_only_when_asked(client):
    question = dict(model="sim", messages=ask("Count [[sim:tokens=20]]"), stream=True)
    chunks = list(client.chat.completions.create(**question))
    assert all(chunk.choices for chunk in chunks), "a chunk without choices was not asked for"
    assert all(chunk.usage is None for chunk in chunks)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"

    asked = list(client.chat.completions.create(**question, stream_options={"include_usage": True}))
    assert asked[-1].choices == [] and asked[-1].usage.completion_tokens == 20
    assert "".join(c.choices[0].delta.content or "" for c in asked if c.choices) == text


def test_tools_whole_and_streamed(client):
    question = dict(model="sim", messages=ask("What is the weather in Paris?"), tools=[WEATHER], tool_choice="required")
    whole = client.chat.completions.create(**question)
    call = whole.choices[0].message.tool_calls[0]
    assert whole.choices[0].finish_reason == "tool_calls"
    assert call.function.name == "get_weather" and "city" in json.loads(call.function.arguments)

    pieces = []
    name = None
    for chunk in client.chat.completions.create(**question, stream=True):
        for part in chunk.choices[0].delta.tool_calls or []:
            name = part.function.name or name
            pieces.append(part.function.arguments or "")
    assert name == "get_weather" and json.loads("".join(pieces)) == json.loads(call.function.arguments)

    messages = ask("What is the weather in Paris?") + [
        {"role": "assistant", "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"},
    ]
    answer = client.chat.completions.create(model="sim", messages=messages, tools=[WEATHER])
    assert answer.choices[0].message.content


async def the_answer(weir):
    async with openai.AsyncOpenAI(base_url=f"{weir.url}/v1", api_key=KEY, max_retries=0) as client:
        stream = await client.chat.completions.create(model="sim", messages=ask("Hello"), stream=True)
        return [chunk async for chunk in stream]


def test_the_asynchronous_client(weir):
    import asyncio

    assert asyncio.run(the_answer(weir))[-1].choices[0].finish_reason in ("stop", "length")


def test_completions_and_embeddings(client):
    completion = client.completions.create(model="sim", prompt="Once upon a time", max_tokens=5)
    assert completion.choices[0].text and completion.usage.completion_tokens == 5
    vectors = client.embeddings.create(model="sim", input=["a river", "a weir"], encoding_format="float")
    assert len(vectors.data) == 2 and len(vectors.data[0].embedding) > 1
    assert vectors.data[0].embedding != vectors.data[1].embedding


def test_a_caller_sees_its_own_models_only(weir, client):
    assert {model.id for model in client.models.list()} == {"sim", "lonely"}
    other = openai.OpenAI(base_url=f"{weir.url}/v1", api_key=OTHER_KEY, max_retries=0)
    assert {model.id for model in other.models.list()} == {"other-sim"}
    assert client.models.retrieve("sim").id == "sim"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other-sim")


def test_no_key_and_a_wrong_key(weir):
    for key in ["", "weir-not-a-key-of-anybody"]:
        client = openai.OpenAI(base_url=f"{weir.url}/v1", api_key=key or "x", max_retries=0)
        headers = {} if key else {"authorization": openai.Omit()}
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model="sim", messages=ask("hi"), extra_headers=headers)
        assert caught.value.code in ("missing_api_key", "invalid_api_key")
        assert caught.value.request_id


def test_another_tenants_model_is_forbidden_and_an_unknown_one_not_found(client, weir):
    other = openai.OpenAI(base_url=f"{weir.url}/v1", api_key=OTHER_KEY, max_retries=0)
    with pytest.raises(openai.PermissionDeniedError) as denied:
        other.chat.completions.create(model="sim", messages=ask("hi"))
    assert denied.value.code == "model_not_allowed"
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="sin", messages=ask("hi"))
    assert "sim" in missing.value.message and "other-sim" not in missing.value.message


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"messages": "hi"}, "messages"),
        ({"model": 7}, "model"),
        ({"api_base": "http://127.0.0.1:9"}, "api_base"),
    ],
)
def test_a_wrong_body_is_a_400_that_points_at_the_field(client, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": "sim", "messages": ask("hi")}, extra_body=change)
    assert caught.value.param == param, caught.value.body


def test_a_limit_is_a_429_with_its_headers(weir):
    client = openai.OpenAI(base_url=f"{weir.url}/v1", api_key=OTHER_KEY, max_retries=0)
    first = client.chat.completions.with_raw_response.create(model="other-sim", messages=ask("hi"))
    assert first.headers["x-ratelimit-limit-requests"] == "3"
    assert first.headers["x-ratelimit-remaining-requests"] == "2"
    for _ in range(2):
        client.chat.completions.create(model="other-sim", messages=ask("hi"))
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="other-sim", messages=ask("hi"))
    assert int(caught.value.response.headers["retry-after"]) > 0


def test_a_backend_that_fails_and_one_that_breaks_off(client):
    with pytest.raises(openai.APIStatusError) as failed:
        client.chat.completions.create(model="sim", messages=ask("[[sim:fail=500]]"))
    assert failed.value.status_code in (500, 502)
    with pytest.raises(openai.APIError):
        for _ in client.chat.completions.create(model="sim", messages=ask("[[sim:cut=3]]"), stream=True):
            pass


def test_every_way_out_is_settled_once(client, weir):
    before = now()
    client.chat.completions.create(model="sim", messages=ask("[[sim:tokens=7]]"))
    with client.chat.completions.create(model="sim", messages=ask("[[sim:tokens=500]]"), stream=True) as stream:
        for index, _ in enumerate(stream):
            if index == 4:
                break
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="sim", messages=ask("[[sim:cut=3]]"), stream=True))
    records = wait_for(lambda: (r := weir.records(before)) and len(r) >= 3 and r, "three settlements", 10)
    endings = [record["ending"] for record in records]
    assert sorted(endings) == ["client-gone", "complete", "truncated"], records
    assert records[0]["usage"]["output"] == 7
    assert len({(r["request"], r["attempt"]) for r in records}) == len(records)


def test_h3_no_prompt_is_in_the_log(client, weir):
    canary = "the-prompt-canary-4711"
    client.chat.completions.create(model="sim", messages=ask(canary))
    output = weir.output()
    assert canary not in output and KEY not in output
