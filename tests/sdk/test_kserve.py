"""The real KServe runtime, with its OpenAI routes, as the model server behind tier two."""

import openai
import pytest
from conftest import KEY, KSERVE_PYTHON, Weir, now, wait_for
from kserve_runtime import runtime


@pytest.fixture(scope="module")
def kserve():
    with runtime(KSERVE_PYTHON, "kserve_openai.py", "--model", "echo") as url:
        yield url


@pytest.fixture(scope="module")
def client(kserve, tmp_path_factory):
    models = [{"name": "my-echo", "targets": [{"backend": "cluster", "model": "echo"}]}]
    host_models = [{"name": "echo", "endpoints": [{"url": f"{kserve}/openai/v1"}]}]
    folder = tmp_path_factory.mktemp("weir-kserve")
    with Weir(folder, models=models, host_models=host_models, health={"path": "/v2/health/ready"}) as running:
        client = openai.OpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0, timeout=20)
        client.weir = running
        yield client


QUESTION = dict(model="my-echo", messages=[{"role": "user", "content": "a weir holds the river back"}])


def test_a_whole_answer_from_kserve(client):
    answer = client.chat.completions.create(**QUESTION)
    assert answer.choices[0].message.content == "a weir holds the river back"
    assert answer.usage.completion_tokens == 6


def test_a_stream_from_kserve(client):
    chunks = list(client.chat.completions.create(**QUESTION, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "a weir holds the river back"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_what_kserve_does_not_report_is_settled_as_an_estimate(client):
    before = now()
    list(client.chat.completions.create(**QUESTION, stream=True))
    record = wait_for(lambda: client.weir.records(before), "a settlement", 10)[0]
    assert record["ending"] == "complete"
    assert record["usage"]["estimated"] is True
    assert record["usage"]["output"] > 0


def test_kserves_own_error_comes_out_in_openais_shape(client):
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**QUESTION, n=3)
    assert 400 <= caught.value.status_code < 600 and caught.value.message
