"""Refusals, in the dialect of the one who asked, as that dialect's SDK understands them."""

import anthropic
import openai
import pytest
from test_answers import ask
from scene import SECRETS


def test_no_key(serving):
    """No key, or a wrong one: 401, in the client's dialect."""
    client = openai.OpenAI(base_url=f"{serving.url}/v1", api_key="weir-not-a-key-of-anybody", max_retries=0)
    for headers, code in [({}, "invalid_api_key"), ({"authorization": openai.Omit()}, "missing_api_key")]:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model="gpt-4o", messages=ask("hi"), extra_headers=headers)
        assert caught.value.code == code and caught.value.request_id
    client = anthropic.Anthropic(base_url=serving.url, api_key="weir-not-a-key-of-anybody", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError) as caught:
        client.messages.create(model="gpt-4o", max_tokens=9, messages=ask("hi"))
    assert caught.value.body["error"]["type"] == "authentication_error"


def test_no_such_model(client, claude):
    """A model that is not there: 404, in the client's dialect."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="nobody", messages=ask("hi"))
    assert caught.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError) as caught:
        claude.messages.create(model="nobody", max_tokens=9, messages=ask("hi"))
    assert caught.value.body["error"]["type"] == "not_found_error"


def test_limit(serving, client, claude):
    """A limit holds over all instances, by the control plane: 429 with its headers, in the client's dialect."""
    model = "few-" + serving.cell.name.replace("/", "-").replace(" ", "-").replace(".", "-")
    first = client.chat.completions.with_raw_response.create(model=model, messages=ask("hi"))
    assert (first.headers["x-ratelimit-limit-requests"], first.headers["x-ratelimit-remaining-requests"]) == ("3", "2")
    for _ in range(2):
        client.chat.completions.create(model=model, messages=ask("hi"))
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=model, messages=ask("hi"))
    assert int(caught.value.response.headers["retry-after"]) > 0
    with pytest.raises(anthropic.RateLimitError) as caught:
        claude.messages.create(model=model, max_tokens=9, messages=ask("hi"))
    assert caught.value.body["error"]["type"] == "rate_limit_error"


def test_wrong_body(client):
    """A wrong body: 400 that points at the field."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-4o", messages=ask("hi"), extra_body={"stream": "yes"})
    assert caught.value.param == "stream"


def test_provider_error(client):
    """A provider that fails, is busy, or refuses Weir's own key: 502, 503, 502; the key is not shown."""
    for text, model, status in [
        ("[[openai:error=500]]", "gpt-4o", (500, 502)),
        ("[[anthropic:error=529]]", "claude-sonnet-4-6", (503, 529)),
        ("[[anthropic:error=401]]", "claude-sonnet-4-6", (502,)),
    ]:
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model=model, messages=ask(text))
        assert caught.value.status_code in status, (text, caught.value.body)
        assert SECRETS["ANTHROPIC_TEST_KEY"] not in str(caught.value.body)
