"""Azure OpenAI in both of its URL styles: as a backend, and its SDK's class as a client of Weir. The stand-in is first
satisfied with that class directly.
"""

import openai
import pytest
from conftest import KEY, PROVIDER_KEY, Weir, tell
from providers import provider
from speakers import ChatSpeaker, MessagesSpeaker
from test_conversations import WEATHER

VERSION = "2025-04-01-preview"
MODEL = "gpt-4.1"


@pytest.fixture(scope="module")
def azure():
    with provider("azure", "azure_server.py") as running:
        yield running


@pytest.fixture(scope="module")
def weir(azure, tmp_path_factory):
    usual = {"type": "azure", "url": azure.url, "network": "private", "key": {"env": "PROVIDER_TEST_KEY"},
             "quirks": {"responses": False}}
    models = [{"name": name, "targets": [{"backend": name, "model": MODEL}]} for name in ("classic", "v1")]
    backends = {"classic": {**usual, "api_version": VERSION}, "v1": usual}
    with Weir(tmp_path_factory.mktemp("weir-azure"), models=models, backends=backends) as running:
        yield running


def azure_client(url, key):
    return openai.AzureOpenAI(azure_endpoint=url, api_key=key, api_version=VERSION, max_retries=0, timeout=20)


@pytest.fixture(params=["direct", "classic", "v1"])
def client(request, azure):
    """Azure's class with the stand-in, and with Weir before each style."""
    if request.param == "direct":
        yield azure_client(azure.url, PROVIDER_KEY), MODEL
    else:
        tell(request, "chat", "azure", " (`AzureOpenAI`)")
        yield azure_client(request.getfixturevalue("weir").url, KEY), request.param
    azure.check()


def test_azures_class_whole_and_streamed(client, azure):
    """Azure's own client, whole and streamed."""
    azure.play({"expect": {"model": MODEL, "user": "Say hello"}, "say": [{"text": "Hello there."}]},
               {"say": [{"text": "Hello there."}]})
    sdk, model = client
    asked = {"model": model, "messages": [{"role": "user", "content": "Say hello"}]}
    assert sdk.chat.completions.create(**asked).choices[0].message.content == "Hello there."
    with sdk.chat.completions.stream(**asked) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Hello there."


@pytest.mark.parametrize("style", ["classic", "v1"])
@pytest.mark.parametrize(("dialect", "speaker"), [("chat", ChatSpeaker), ("messages", MessagesSpeaker)])
def test_azure_behind_weir(request, weir, azure, dialect, speaker, style):
    """Tools and their results, in both styles of Azure's URLs."""
    tell(request, dialect, "azure")
    azure.play({"expect": {"model": MODEL, "tools": ["get_weather"]}, "say": [{"call": "get_weather", "arguments": {"city": "Rome", "unit": "c"}}]},
               {"expect": {"results": ["sunny"]}, "say": [{"text": "Sunny."}]})
    talk = speaker(weir.url, KEY)
    history = talk.user("The weather in Rome?")
    first = talk.ask(style, history, tools=[WEATHER], streamed=True)
    history += first.replay + talk.results([(first.calls[0], "sunny")])
    assert talk.ask(style, history, tools=[WEATHER], streamed=True).text == "Sunny."
    azure.check()
    path = "/openai/v1/chat/completions" if style == "v1" else f"/openai/deployments/{MODEL}/chat/completions"
    assert {request["path"] for request in azure.requests()} == {path}


def test_a_wrong_key_is_an_error_of_azures_class(weir):
    with pytest.raises(openai.AuthenticationError):
        azure_client(weir.url, "weir-nobody").chat.completions.create(model="v1", messages=[{"role": "user", "content": "hi"}])
