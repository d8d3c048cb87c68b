"""What the SDKs see of Weir itself beside conversations: lists of models, keys, and what nothing here can do."""

import anthropic
import openai
import pytest
from conftest import BACKENDS, KEY, PROVIDER_KEY
from speakers import MessagesSpeaker, ResponsesSpeaker

NAMES = [name for each in BACKENDS for name in (each, f"{each}-thinks")]


@pytest.fixture
def openai_client(crossroads):
    return openai.OpenAI(base_url=f"{crossroads.url}/v1", api_key=KEY, max_retries=0)


@pytest.fixture
def anthropic_client(crossroads):
    return anthropic.Anthropic(base_url=crossroads.url, api_key=KEY, max_retries=0)


def test_each_sdk_lists_models_in_its_own_shape(openai_client, anthropic_client):
    assert {model.id for model in openai_client.models.list()} == set(NAMES)
    page = anthropic_client.models.list()
    assert {model.id for model in page.data} == set(NAMES) and page.has_more is False
    assert page.data[0].type == "model" and page.data[0].created_at and page.first_id == page.data[0].id
    one = anthropic_client.models.retrieve("chat")
    assert one.type == "model" and one.id == "chat" and one.display_name


def test_anthropics_sdk_walks_the_pages(anthropic_client):
    page = anthropic_client.models.list(limit=3)
    assert len(page.data) == 3 and page.has_more is True and page.last_id == page.data[-1].id
    assert [model.id for model in page] == NAMES, "all pages, in the order of the file"
    before = anthropic_client.models.list(limit=2, before_id=page.last_id)
    assert [model.id for model in before.data] == [model.id for model in page.data[:2]]


def test_a_wrong_key_and_an_unknown_model_are_anthropics_errors(crossroads, anthropic_client):
    stranger = anthropic.Anthropic(base_url=crossroads.url, api_key="weir-nobody", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError):
        stranger.models.list()
    with pytest.raises(anthropic.AuthenticationError) as caught:
        stranger.messages.create(model="chat", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
    assert caught.value.body["error"]["type"] == "authentication_error" and caught.value.request_id
    with pytest.raises(anthropic.NotFoundError) as missing:
        anthropic_client.messages.create(model="chart", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
    assert missing.value.body["error"]["type"] == "not_found_error"


@pytest.mark.parametrize("change", [{"previous_response_id": "resp_1"}, {"background": True}, {"conversation": "conv_1"}])
@pytest.mark.parametrize("model", ["chat", "messages"])
def test_what_would_have_to_be_stored_is_refused(openai_client, model, change):
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.responses.create(model=model, input="hi", **change)
    assert caught.value.param == next(iter(change)), caught.value.body


def test_a_response_that_was_never_stored_cannot_be_fetched(openai_client):
    with pytest.raises(openai.APIStatusError) as caught:
        openai_client.responses.retrieve("resp_1")
    assert caught.value.status_code in (400, 404) and "stor" in caught.value.message


def test_the_providers_key_is_never_seen(crossroads, stand_ins):
    for speaker, way in ((ResponsesSpeaker, "messages"), (MessagesSpeaker, "chat")):
        stand_ins[way].play({"fail": {"status": 401, "message": f"invalid key {PROVIDER_KEY}"}})
        talk = speaker(crossroads.url, KEY)
        with pytest.raises(talk.errors.APIStatusError) as caught:
            talk.ask(way, talk.user("hi"))
        assert caught.value.status_code == 502 and PROVIDER_KEY not in str(caught.value.body)
    assert PROVIDER_KEY not in crossroads.output()
