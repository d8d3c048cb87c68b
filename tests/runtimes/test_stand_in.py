"""The stand-in for OpenAI, driven by OpenAI's own SDK: what this SDK takes for the API may stand in for it."""

import openai
import pytest
from scene import SECRETS
from test_answers import WEATHER, ask


@pytest.fixture
def direct(scene):
    url = f"http://127.0.0.1:{scene.openai}/v1"
    with openai.OpenAI(base_url=url, api_key=SECRETS["OPENAI_TEST_KEY"], max_retries=0, timeout=10) as client:
        yield client


def test_the_sdk_takes_it_for_the_api(direct):
    whole = direct.chat.completions.create(model="gpt-4o", messages=ask("river"))
    with direct.chat.completions.stream(model="gpt-4o", messages=ask("river"), stream_options={"include_usage": True}) as stream:
        final = [event for event in stream][-1] and stream.get_final_completion()
    assert final.choices[0].message.content == whole.choices[0].message.content == "river#0 river#1 river#2 river#3 river#4 "
    assert final.usage == whole.usage
    question = dict(model="gpt-4o", messages=ask("river"), tools=[WEATHER], tool_choice="required")
    with direct.chat.completions.stream(**question) as stream:
        [streamed] = stream.get_final_completion().choices[0].message.tool_calls
    [call] = direct.chat.completions.create(**question).choices[0].message.tool_calls
    assert (streamed.id, streamed.function.name, streamed.function.arguments) == (call.id, call.function.name, call.function.arguments)


def test_its_errors_are_errors_to_the_sdk(direct):
    with pytest.raises(openai.InternalServerError):
        direct.chat.completions.create(model="gpt-4o", messages=ask("[[openai:error=500]]"))
    with pytest.raises(openai.AuthenticationError):
        direct.with_options(api_key="sk-wrong").chat.completions.create(model="gpt-4o", messages=ask("hi"))
    with pytest.raises(openai.APIError):
        list(direct.chat.completions.create(model="gpt-4o", messages=ask("[[openai:cut=2]]"), stream=True))
